//! The API without a connection: for somebody who came in by another way, and is known already.

use std::convert::Infallible;

use axum::{Router, body::Body, http::Request};
use flexcore_engine::id::Actor;
use tower::ServiceExt;

use super::{Api, peer::Peer, routes};
use crate::role::Role;

/// The API for whoever is let in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inside {
    router: Router,
    /// Makes requests, and sends none.
    http: reqwest::Client,
}

impl Inside {
    pub(crate) fn new(api: &Api) -> Result<Self, reqwest::Error> {
        // Another part of the program may have chosen already; it chooses the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // It trusts nobody, and so reads none of the machine's certificates.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        Ok(Self { router: routes::router(api), http })
    }

    /// As somebody with a role has it.
    pub(crate) fn entered(&self, actor: Actor, role: Role) -> Entered {
        Entered { inside: self.clone(), peer: Peer::Session { actor, role } }
    }
}

/// The API as one caller has it.
#[derive(Debug, Clone)]
pub(crate) struct Entered {
    inside: Inside,
    peer: Peer,
}

impl Entered {
    /// Makes requests for it.
    pub(crate) fn http(&self) -> reqwest::Client {
        self.inside.http.clone()
    }

    /// Asks it what a client would ask by a connection.
    pub(crate) async fn ask(&self, request: reqwest::Request) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = Request::<reqwest::Body>::try_from(request)?.map(Body::new);
        request.extensions_mut().insert(self.peer.clone());
        let response = self.inside.router.clone().oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
        Ok(response.map(|body| reqwest::Body::wrap_stream(body.into_data_stream())).into())
    }
}
