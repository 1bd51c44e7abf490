//! Whether a client is still there is asked by the system: its questions wake neither this process nor the client's, and keep what
//! is on the way, like a router that translates addresses, from forgetting the connection. A client that stands still and is asked
//! for nothing stays: what it does not take is limited where it is sent.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// A connection on which nothing comes for so long is asked,
const ASKED_AFTER: Duration = Duration::from_secs(60);
/// so often,
const ASKED_EVERY: Duration = Duration::from_secs(15);
/// and has ended after so many questions without an answer.
const ASKED_MAX: u32 = 6;
/// The same where something is sent that nobody acknowledges.
#[cfg(target_os = "linux")]
const UNHEARD_MAX: Duration = Duration::from_secs(150);

/// Has the system end a connection whose other side is gone without a word.
pub(super) fn watch(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let asks = TcpKeepalive::new().with_time(ASKED_AFTER).with_interval(ASKED_EVERY).with_retries(ASKED_MAX);
    socket.set_tcp_keepalive(&asks)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNHEARD_MAX))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_system_asks_a_client_that_says_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        watch(&stream).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(
                (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap()),
                (ASKED_AFTER, ASKED_EVERY)
            );
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNHEARD_MAX));
        }
    }
}
