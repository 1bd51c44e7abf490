//! Who is at the other end of a connection.

use std::{fs, net::SocketAddr};

#[cfg(feature = "ssh")]
use crate::role::Role;
#[cfg(feature = "ssh")]
use flexcore_engine::id::Actor;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// By TCP.
    Tcp(SocketAddr),
    /// By the Unix socket: its file's permissions were the login.
    Unix {
        /// The user's name, or `uid 1000` where the machine knows none.
        user: String,
    },
    /// In this process: whoever came in by another way is known already.
    #[cfg(feature = "ssh")]
    Session {
        /// Who.
        actor: Actor,
        /// As what.
        role: Role,
    },
}

impl Peer {
    /// A user of this machine.
    pub(super) fn user(uid: u32) -> Self {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::Unix { user: name_of(&users, uid).map_or_else(|| format!("uid {uid}"), str::to_owned) }
    }
}

fn name_of(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\nodd line\n";
        assert_eq!(name_of(users, 1000), Some("ana"));
        assert_eq!(name_of(users, 7), None);
    }
}
