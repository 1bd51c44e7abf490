//! A page of a list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Where the next page begins: send it as `cursor`. `null`: this was the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The first items of a list. One more is looked at: whether there is a next page.
    pub fn of(items: impl IntoIterator<Item = T>, size: usize, cursor: impl FnOnce(&T) -> String) -> Self {
        let mut items: Vec<T> = items.into_iter().take(size + 1).collect();
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }
}
