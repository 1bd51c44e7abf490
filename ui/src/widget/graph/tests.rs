use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};

use super::*;
use crate::widget::ink::rows;

fn step(name: &str, uses: &str, state: State) -> GraphStep {
    let (name, uses) = (name.to_owned(), uses.to_owned());
    GraphStep {
        name,
        uses,
        state,
        in_per_s: Some(41.0),
        records_in: 1_204,
        records_out: 1_200,
        backlog: (12, 40),
        ..GraphStep::default()
    }
}

fn edges(pairs: &[(usize, usize)]) -> Vec<GraphEdge> {
    pairs.iter().map(|(from, to)| GraphEdge { from: *from, to: *to, order: false }).collect()
}

fn drawn(graph: &Graph, width: u16, height: u16) -> Vec<String> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    graph.render(&mut buffer, Rect::new(0, 0, width, height), &Look::default(), 0);
    rows(&buffer)
}

fn line_of_three() -> Graph {
    let mut clean = step("clean", "map", State::Failed);
    (clean.dead, clean.note) = (3, Some("no field `mag`".into()));
    Graph::new(
        vec![step("read", "file.read", State::Done), clean, step("store", "file.write", State::Running)],
        edges(&[(0, 1), (1, 2)]),
    )
}

fn diamond() -> Graph {
    let names = ["hook", "backlog", "norm", "split", "store", "review"];
    Graph::new(
        names.iter().map(|name| step(name, "map", State::Running)).collect(),
        edges(&[(0, 2), (1, 2), (2, 3), (3, 4), (3, 5)]),
    )
}

#[test]
fn where_there_is_room_steps_are_boxes_with_their_edges_numbers() {
    let expected = [
        "╭ read ────────╮             ╭ clean ───────╮             ╭ store ───────╮",
        "│ file.read    │        41/s │ map          │        41/s │ file.write   │",
        "│ ✔ done       │────────────▶│ ✖ failed     │────────────▶│ ● running    │",
        "│ 1 200 out    │      ▇░░ 12 │ 1 200 out    │      ▇░░ 12 │ 1 200 out    │",
        "╰──────────────╯             ╰─ 3 dead ─────╯             ╰──────────────╯",
    ];
    assert_eq!(drawn(&line_of_three(), 80, 5), expected);
}

#[test]
fn where_there_is_none_steps_are_lines_on_a_rail() {
    let expected = [
        "✔  read  file.read  done      1 204 in  1 200 out",
        "│  ▼     41/s  ▇▇░░░░ 12 of 40 wait",
        "✖  clean map        failed    1 204 in  1 200 out 3 dead",
        "│    no field `mag`",
        "│  ▼     41/s  ▇▇░░░░ 12 of 40 wait",
        "●  store file.write running   1 204 in  1 200 out",
    ];
    assert_eq!(drawn(&line_of_three(), 72, 6), expected);
}

#[test]
fn edges_join_and_part() {
    let rail: Vec<String> =
        drawn(&diamond(), 40, 12).iter().map(|row| row.chars().take(4).collect::<String>().trim_end().to_owned()).collect();
    assert_eq!(rail, ["●", "│ ●", "├─╯", "●", "│", "●─╮", "│ │", "● │", "  │", "  ●", "", ""]);
}

#[test]
fn boxes_join_and_part_too() {
    let shown = drawn(&diamond(), 120, 10);
    assert_eq!(
        &shown[2],
        "│ ● running    │─┬──────────▶│ ● running    │────────────▶│ ● running    │─┬──────────▶│ ● running    │"
    );
    assert_eq!(
        &shown[7],
        "│ ● running    │─╯                                                         ╰──────────▶│ ● running    │"
    );
}

#[test]
fn an_edge_that_passes_a_step_goes_round_its_box() {
    let graph = Graph::new(
        vec![step("a", "x", State::Idle), step("b", "x", State::Idle), step("c", "x", State::Idle)],
        edges(&[(0, 1), (1, 2), (0, 2)]),
    );
    let shown = drawn(&graph, 80, 7);
    assert_eq!(shown[4], "╰──────────────╯ │           ╰──────────────╯ │           ╰──────────────╯");
    assert_eq!(shown[5], "                 ╰────────────────────────────╯");
}

#[test]
fn a_cycle_and_an_edge_to_nowhere_are_left_out() {
    let graph =
        Graph::new(vec![step("a", "x", State::Idle), step("b", "x", State::Idle)], edges(&[(0, 1), (1, 0), (0, 9), (1, 1)]));
    assert_eq!(graph.edges, edges(&[(0, 1)]));
}

proptest! {
    #[test]
    fn any_graph_can_be_drawn_in_any_size(
        count in 0_usize..12,
        pairs in prop::collection::vec((0_usize..12, 0_usize..12), 0..24),
        width in 0_u16..200,
        height in 0_u16..40,
    ) {
        let graph = Graph::new((0..count).map(|n| step(&format!("step-{n}"), "map", State::Running)).collect(), edges(&pairs));
        prop_assert_eq!(graph.order().len(), count);
        drawn(&graph, width, height);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 5));
        graph.render(&mut buffer, Rect::new(0, 0, 40, 5), &Look::default(), 7);
        let _ = graph.height(width);
    }
}
