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
    routes: Arc<Mutex<Routes>>,
}

/// By the template, then by the method.
type Routes = BTreeMap<String, BTreeMap<&'static str, Route>>;

#[derive(Debug, Default)]
struct Route {
    statuses: BTreeMap<u16, u64>,
    took: Arc<LatencyMeter>,
}

impl Route {
    fn record(&mut self, status: u16, took: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        self.took.record(took);
    }
}

impl HttpMeter {
    /// Takes in a request that was answered. `route`: the template, like `/api/v1/runs/{id}`; `None`: there is no such route.
    pub fn record(&self, route: Option<&str>, method: &str, status: u16, took: Duration) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let (route, method) = (route.unwrap_or(OTHER), known(method));
        // Nearly always it is known, and is found without a text of its own.
        if let Some(counted) = routes.get_mut(route).and_then(|methods| methods.get_mut(method)) {
            return counted.record(status, took);
        }
        let is_told = routes.values().map(BTreeMap::len).sum::<usize>() < ROUTES_MAX;
        let (route, method) = if is_told { (route, method) } else { (OTHER, OTHER) };
        routes.entry(route.to_owned()).or_default().entry(method).or_default().record(status, took);
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
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let told =
            routes.iter().flat_map(|(route, methods)| methods.iter().map(move |(method, counted)| (route, method, counted)));
        for (route, method, counted) in told {
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
