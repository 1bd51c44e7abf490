//! What is counted of HTTP: requests by the template of their route, never by their path, so that nobody from outside decides
//! how much there is to remember.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use flexcore_engine::vitals::latency::LatencyMeter;

use super::{
    family::{Families, Family},
    told::OTHER,
};

/// Routes that are told apart.
const ROUTES_MAX: usize = 200;

/// Counts requests. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct HttpMeter {
    routes: Arc<Mutex<BTreeMap<(String, &'static str), Route>>>,
}

#[derive(Debug, Default)]
struct Route {
    statuses: BTreeMap<u16, u64>,
    took: Arc<LatencyMeter>,
}

impl HttpMeter {
    /// Takes in a request that was answered. `route`: the template, like `/api/v1/runs/{id}`; `None`: there is no such route.
    pub fn record(&self, route: Option<&str>, method: &str, status: u16, took: Duration) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (route.unwrap_or(OTHER).to_owned(), known(method));
        let is_told = routes.contains_key(&key) || routes.len() < ROUTES_MAX;
        let key = if is_told { key } else { (OTHER.to_owned(), OTHER) };
        let route = routes.entry(key).or_default();
        *route.statuses.entry(status).or_default() += 1;
        route.took.record(took);
    }

    /// What was counted so far, in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut families = Families::default();
        self.tell(&mut families);
        families.text()
    }

    pub(super) fn tell(&self, families: &mut Families) {
        let mut requests = Family::counter("flexcore_http_requests_total", "Requests by route, method and status");
        let mut took =
            Family::histogram("flexcore_http_request_duration_seconds", "How long requests took until their answer began");
        for ((route, method), counted) in &*self.routes.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels = [("route", route.as_str()), ("method", *method)];
            for (status, count) in &counted.statuses {
                requests.sample(&[labels[0], labels[1], ("status", &status.to_string())], *count as f64);
            }
            took.latencies(&labels, &counted.took.read());
        }
        families.add(requests);
        families.add(took);
    }
}

/// A method is text from outside, too.
fn known(method: &str) -> &'static str {
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    methods.into_iter().find(|known| *known == method).unwrap_or(OTHER)
}
