//! How many connections there are, in all and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) struct Crowd {
    room: Arc<Semaphore>,
    each_max: u32,
    each: Mutex<HashMap<IpAddr, u32>>,
}

impl Crowd {
    pub(super) fn new(connections_max: u32) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(connections_max as usize));
        Arc::new(Self { room, each_max: connections_max.div_ceil(2), each: Mutex::default() })
    }

    /// Waits for room for one more: further ones wait in the system's own queue.
    pub(super) async fn room(&self) -> OwnedSemaphorePermit {
        self.room.clone().acquire_owned().await.expect("it is never closed")
    }

    /// A place for an address; `None` when it has as many as it may have.
    pub(super) fn place(self: &Arc<Self>, room: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let count = each.entry(address).or_default();
        if *count >= self.each_max {
            return None;
        }
        *count += 1;
        Some(Place { crowd: self.clone(), address, _room: room })
    }
}

/// One connection's place; dropping it makes room.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    address: IpAddr,
    _room: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut each = self.crowd.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = each.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                each.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn one_address_takes_at_most_half() {
        let crowd = Crowd::new(4);
        let (greedy, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
        let first = crowd.place(crowd.room().await, greedy);
        let second = crowd.place(crowd.room().await, greedy);
        assert!(first.is_some() && second.is_some());
        assert!(crowd.place(crowd.room().await, greedy).is_none());
        assert!(crowd.place(crowd.room().await, other).is_some());
        drop(first);
        assert!(crowd.place(crowd.room().await, greedy).is_some());
        drop(second);
        assert!(crowd.each.lock().unwrap().is_empty());
    }
}
