//! The file of keys: what lets in whom, and what is said of lines that let in nobody.

use russh::keys::PublicKey;

use super::*;

const ANA: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
const BEN: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";

fn data(key: &str) -> KeyData {
    PublicKey::from_openssh(key).unwrap().key_data().clone()
}

fn now() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

fn bad(text: &str) -> Vec<String> {
    Book::parse(text).bad.iter().map(ToString::to_string).collect()
}

#[test]
fn a_key_has_the_role_before_it_and_the_name_behind_and_only_looks_when_nothing_is_said() {
    let text = format!("# who\n\nrole=\"admin\" {ANA} ana@ops\n{BEN} ben\n");
    let book = Book::parse(&text);
    let rows: Vec<_> = book.keys.iter().map(|row| (&*row.name, row.role)).collect();
    assert_eq!(rows, [("ana@ops", Role::Admin), ("ben", Role::Viewer)]);
    assert!(book.bad.is_empty());
}

#[test]
fn options_of_openssh_that_take_away_what_is_never_given_are_taken_as_they_are() {
    let book = Book::parse(&format!("restrict,role=operator,no-agent-forwarding {ANA} ana"));
    assert_eq!((book.keys[0].role, book.bad.len()), (Role::Operator, 0));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let text = format!(
        "role=\"root\" {ANA} a\ncommand=\"sh -c 'x, y'\" {ANA} b\n{ANA}\n{ANA} one two\nssh-ed25519 AAAA c\nnonsense\n{BEN} d\n{BEN} e"
    );
    let told = bad(&text);
    for (line, part) in told.iter().zip([
        "line 1: `root` is not a role",
        "line 2: the option `command` is not known here",
        "line 3: the key has no name",
        "line 4: `one two` is not a name",
        "line 5: `ssh-ed25519 …` is not a public key",
        "line 6: this is not OPTIONS KIND KEY NAME",
        "line 8: this key stands above already",
    ]) {
        assert!(line.contains(part), "{line}: not `{part}`");
    }
    assert_eq!(told.len(), 7);
}

#[test]
fn a_key_is_worth_nothing_from_its_expiry_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, format!("expiry-time=\"20261129115900Z\" {ANA} ana\nexpiry-time=\"202611291201Z\" {BEN} ben\n")).unwrap();
    let keys = Keys::open(Some(&path), None).unwrap();
    assert!(keys.find(&data(ANA), now()).is_none());
    let ben = keys.find(&data(BEN), now()).unwrap();
    assert!(keys.still(&ben, now()) && !keys.still(&ben, "2026-11-29T12:01:00Z".parse().unwrap()));
    assert_eq!(bad(&format!("expiry-time=\"tomorrow\" {ANA} ana")).len(), 1);
}

#[test]
fn at_the_start_a_file_without_a_key_or_with_a_bad_line_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authorized_keys");
    let error = |setting: Option<&Path>, data: Option<&Path>| Keys::open(setting, data).err().unwrap().to_string();
    assert!(error(None, None).contains("set sshd.authorized_keys"));
    assert!(error(None, Some(folder.path())).contains("has no key"));
    assert!(error(Some(&path), None).contains("cannot read"));
    fs::write(&path, "# nobody\n").unwrap();
    assert!(error(None, Some(folder.path())).contains("write one line for each"));
    fs::write(&path, format!("{ANA} ana\nrole=\"boss\" {BEN} ben\n")).unwrap();
    assert!(error(Some(&path), None).contains("authorized_keys: line 2: `boss`"));
}

#[test]
fn a_changed_file_counts_at_once_when_it_is_read_again_and_a_bad_line_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, format!("role=\"admin\" {ANA} ana\n{BEN} ben\n")).unwrap();
    let keys = Keys::open(Some(&path), None).unwrap();
    let (ana, ben) = (keys.find(&data(ANA), now()).unwrap(), keys.find(&data(BEN), now()).unwrap());
    fs::write(&path, format!("role=\"viewer\" {ANA} ana\nnonsense\n{BEN} ben\n")).unwrap();
    assert_eq!(keys.reload(), 2);
    assert!(!keys.still(&ana, now()), "another role is not the one she came in with");
    assert!(keys.still(&ben, now()));
    fs::remove_file(&path).unwrap();
    assert_eq!(keys.reload(), 0);
    assert!(!keys.still(&ben, now()));
}
