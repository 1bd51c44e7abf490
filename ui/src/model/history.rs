//! Where one was, as a browser remembers it: back, forward, and to and fro.

use crate::screen::Place;

/// The most places remembered.
pub const PLACES_MAX: usize = 50;

/// Where one was. The overview is where it begins.
#[derive(Debug, Clone)]
pub struct History {
    places: Vec<Place>,
    at: usize,
    last: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { places: vec![Place::Overview], at: 0, last: 0 }
    }
}

impl History {
    /// One went to a place; what was forward of here is forgotten.
    pub fn went(&mut self, place: Place) {
        if self.places[self.at] == place {
            return;
        }
        self.places.truncate(self.at + 1);
        self.places.push(place);
        if self.places.len() > PLACES_MAX {
            self.places.remove(0);
        }
        self.last = self.places.len().saturating_sub(2);
        self.at = self.places.len() - 1;
    }

    /// The place before, if any.
    pub fn back(&mut self) -> Option<Place> {
        self.go(self.at.checked_sub(1)?)
    }

    /// The place after, if any.
    pub fn forward(&mut self) -> Option<Place> {
        self.go(self.at + 1)
    }

    /// The place where one was last, wherever that is.
    pub fn last(&mut self) -> Option<Place> {
        (self.last != self.at).then(|| self.go(self.last)).flatten()
    }

    fn go(&mut self, to: usize) -> Option<Place> {
        let place = self.places.get(to)?.clone();
        (self.last, self.at) = (self.at, to);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_forward_and_to_and_fro() {
        let mut history = History::default();
        assert_eq!((history.back(), history.last()), (None, None));
        history.went(Place::Health);
        history.went(Place::Create);
        assert_eq!(history.back(), Some(Place::Health));
        assert_eq!(history.last(), Some(Place::Create));
        assert_eq!(history.last(), Some(Place::Health));
        assert_eq!(history.forward(), Some(Place::Create));
        assert_eq!(history.back(), Some(Place::Health));
        history.went(Place::Overview);
        assert_eq!(history.forward(), None);
        for _ in 0..3 * PLACES_MAX {
            history.went(Place::Health);
            history.went(Place::Create);
        }
        assert_eq!(history.places.len(), PLACES_MAX);
    }
}
