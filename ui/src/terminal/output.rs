//! The way out: at most one frame is on its way. While a slow terminal takes it, newer states replace each other in the
//! model, and the next frame shows the latest.

use std::{io::Write, thread};

use tokio::sync::mpsc;

/// Frames go in, and for each written one a mark comes back.
pub struct Output {
    /// Takes a frame; closed when the terminal is gone.
    pub frames: mpsc::Sender<Vec<u8>>,
    /// One for each frame that was written.
    pub written: mpsc::Receiver<()>,
}

impl Output {
    /// Writes to anything, in a thread of its own: a terminal that does not read holds up nobody else.
    pub fn to(mut sink: impl Write + Send + 'static) -> Self {
        let (frames, mut taken) = mpsc::channel::<Vec<u8>>(1);
        let (mark, written) = mpsc::channel(1);
        thread::Builder::new()
            .name("frames".into())
            .spawn(move || {
                while let Some(frame) = taken.blocking_recv() {
                    if sink.write_all(&frame).and_then(|()| sink.flush()).is_err() || mark.blocking_send(()).is_err() {
                        break;
                    }
                }
            })
            .expect("a process that cannot start one thread cannot work");
        Self { frames, written }
    }
}
