//! Who asks, and what that caller may do. A handler that takes [`Operator`] or [`Admin`] is closed to everybody below; one
//! that takes neither is open to every caller that got in.

use std::{net::SocketAddr, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use flexcore_engine::id::{Actor, CorrelationId};

use super::{problem::Problem, state::Api, token::Role};

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// In the log.
    pub actor: Actor,
    /// What it may do.
    pub role: Role,
    /// Ties together what the request leads to.
    pub correlation: CorrelationId,
    /// Where it asks from, by TCP.
    pub address: Option<SocketAddr>,
}

impl Caller {
    /// Names the caller where only text goes: keys of rates and of repeated requests.
    pub(super) fn key(&self) -> Arc<str> {
        match &self.actor {
            Actor::Token(name) => format!("token:{name}").into(),
            other => format!("local:{other}").into(),
        }
    }

    /// Refused when the caller may do less than it takes.
    pub(super) fn at_least(&self, least: Role) -> Result<(), Problem> {
        if self.role < least { Err(Problem::forbidden(self.role.too_little(least))) } else { Ok(()) }
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::internal)
    }
}

/// A caller that may operate what is there.
#[derive(Debug, Clone)]
pub(super) struct Operator(pub Caller);

/// A caller that may change what is there.
#[derive(Debug, Clone)]
pub(super) struct Admin(pub Caller);

impl FromRequestParts<Api> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        changing(parts, api, Role::Operator).await.map(Self)
    }
}

impl FromRequestParts<Api> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        changing(parts, api, Role::Admin).await.map(Self)
    }
}

async fn changing(parts: &mut Parts, api: &Api, least: Role) -> Result<Caller, Problem> {
    let caller = Caller::from_request_parts(parts, api).await?;
    caller.at_least(least)?;
    if api.app().settings.read_only {
        return Err(Problem::forbidden("this engine is read-only"));
    }
    Ok(caller)
}
