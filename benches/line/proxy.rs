//! A proxy for TCP that is as slow as a line, each way, and counts what passes.

use std::{
    io::Write,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::wire::Wire;

/// A port that leads to another one. Ends with the process.
pub(crate) struct Proxy {
    address: SocketAddr,
    up: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
}

impl Proxy {
    /// Leads to a server over a line of its own.
    pub(crate) fn start(server: SocketAddr, wire: Wire) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of this machine is free");
        let address = listener.local_addr().expect("it is bound");
        let (up, down) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (counted_up, counted_down) = (up.clone(), down.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else { continue };
                for stream in [&client, &server] {
                    stream.set_nodelay(true).expect("it is a TCP connection");
                }
                let ends = (client.try_clone().expect("few files are open"), server.try_clone().expect("few files are open"));
                one_way(client, server, wire, counted_up.clone());
                one_way(ends.1, ends.0, wire, counted_down.clone());
            }
        });
        Self { address, up, down }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Bytes that went to the server and came from it, with all that encryption adds.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.up.load(Ordering::Relaxed), self.down.load(Ordering::Relaxed))
    }
}

fn one_way(from: TcpStream, to: TcpStream, wire: Wire, counted: Arc<AtomicU64>) {
    thread::spawn(move || {
        let mut other = to.try_clone().expect("few files are open");
        wire.carry(from, |bytes| {
            counted.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            other.write_all(bytes).is_ok()
        });
        // The other end may be gone.
        let _ = to.shutdown(Shutdown::Both);
    });
}
