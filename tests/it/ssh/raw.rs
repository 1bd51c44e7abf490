//! A client of our own, for what OpenSSH's would not do.

use std::{net::SocketAddr, sync::Arc};

use russh::{
    Channel, ChannelMsg,
    client::{self, Config, Handle, Msg},
    keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate},
};

use super::world::key;

/// Trusts every host: the tests are about the server.
pub(super) struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// Connects as somebody.
pub(super) async fn connected(address: SocketAddr, name: &str) -> Result<Handle<Trusting>, russh::Error> {
    let mut handle = client::connect(Arc::new(Config::default()), address, Trusting).await?;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key(name)), None);
    assert!(handle.authenticate_publickey("somebody", key).await?.success(), "{name} did not come in");
    Ok(handle)
}

/// A console on a terminal.
pub(super) async fn console(
    handle: &Handle<Trusting>,
    term: &str,
    columns: u32,
    rows: u32,
) -> Result<Channel<Msg>, russh::Error> {
    let channel = handle.channel_open_session().await?;
    channel.request_pty(true, term, columns, rows, 0, 0, &[]).await?;
    channel.request_shell(true).await?;
    Ok(channel)
}

/// Reads until something was shown; `false`: it ended before.
pub(super) async fn shows(channel: &mut Channel<Msg>, text: &str) -> bool {
    let mut seen = String::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            seen.push_str(&String::from_utf8_lossy(&data));
            if seen.contains(text) {
                return true;
            }
        }
    }
    false
}

/// Reads to the end; its exit status.
pub(super) async fn ends(channel: &mut Channel<Msg>) -> Option<u32> {
    let mut status = None;
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::ExitStatus { exit_status } = message {
            status = Some(exit_status);
        }
    }
    status
}
