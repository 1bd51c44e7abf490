//! By URL: roles of tokens, and certificates.

use std::path::{Path, PathBuf};

use flexcore::{
    attach::{Carrier, RemoteLink, Web},
    http::token::{Role, change},
};
use flexcore_engine::command::{Command, PipelineCommand};
use flexcore_ui::{
    link::{Link, LinkError},
    testing::{Headless, Setup},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::http::world::{COPY, Server};

pub(super) async fn by_url(url: &str, token: Option<&str>, ca: Option<PathBuf>) -> Result<RemoteLink, LinkError> {
    RemoteLink::connect(Carrier::Web(Web::new(url, token.map(str::to_owned), ca).unwrap()), false).await
}

pub(super) fn tokens(folder: &Path) -> (String, [String; 3]) {
    let path = folder.join("tokens.json");
    let now = jiff::Timestamp::now();
    let make = |name: &str, role| change(&path, |book| book.create(name, role, now, None)).unwrap();
    let made = [make("view", Role::Viewer), make("operate", Role::Operator), make("rule", Role::Admin)];
    (path.to_str().unwrap().to_owned(), made)
}

fn pause() -> Command {
    Command::Pipeline("copy".parse().unwrap(), PipelineCommand::Pause { reason: "x".into() })
}

#[test]
fn each_role_may_do_its_own_and_a_viewer_is_shown_no_action() {
    let folder = tempfile::tempdir().unwrap();
    let (path, [view, operate, rule]) = tokens(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (server, viewer) = runtime.block_on(async {
        let server = Server::with(&[("api.tokens", &path)]).await;
        let url = server.url("");
        let made = server.ask(reqwest::Method::POST, "/api/v1/pipelines").bearer_auth(&rule);
        made.header("content-type", "application/yaml").body(COPY).send().await.unwrap();
        let ruler = by_url(&url, Some(&rule), None).await.unwrap();
        assert_eq!((ruler.actor(), ruler.read_only()), ("token rule".into(), false));
        ruler.submit(Command::Pipeline("copy".parse().unwrap(), PipelineCommand::Activate)).await.unwrap();
        let operator = by_url(&url, Some(&operate), None).await.unwrap();
        assert_eq!((operator.actor(), operator.read_only()), ("token operate (operator)".into(), false));
        operator.submit(pause()).await.unwrap();
        let delete = Command::Pipeline("copy".parse().unwrap(), PipelineCommand::Delete);
        let told = operator.submit(delete).await.unwrap_err().to_string();
        assert_eq!(told, "this takes the role admin; yours is operator");
        let viewer = by_url(&url, Some(&view), None).await.unwrap();
        assert!(viewer.read_only());
        assert_eq!(viewer.submit(pause()).await.unwrap_err().to_string(), "not done: this console is read-only");
        for (token, told) in [(None, "wants a token: "), (Some("fxc_wrong"), "does not know this token")] {
            let error = by_url(&url, token, None).await.err().unwrap().to_string();
            assert!(error.contains(told), "{error}");
        }
        (server, viewer)
    });
    let mut console = Headless::live(runtime, std::sync::Arc::new(viewer), Setup::sized(120, 40));
    console
        .until("copy")
        .until("token view (read-only)")
        .press("p")
        .assert_hides("Pause")
        .press("?")
        .until("read-only: no action");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked_and_only_the_one_that_was_named_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for name in ["ours", "other"] {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(file(&format!("{name}.pem")), cert.pem()).unwrap();
        std::fs::write(file(&format!("{name}.key")), signing_key.serialize_pem()).unwrap();
    }
    let text = |name: &str| file(name).to_str().unwrap().to_owned();
    let server = Server::with(&[("api.tls_certificate", &text("ours.pem")), ("api.tls_key", &text("ours.key"))]).await;
    let url = format!("https://localhost:{}", server.listening.http.unwrap().port());
    let link = by_url(&url, None, Some(file("ours.pem"))).await.unwrap();
    assert_eq!(link.place().unwrap(), url);
    assert_eq!(link.models().await.unwrap().position, server.app.engine.store().head());
    for (ca, told) in [
        (Some(file("other.pem")), "its certificate is not trusted"),
        (None, "name the one that signed it with --ca FILE"),
        (Some(file("none.pem")), "none.pem"),
        (Some(file("ours.key")), "there is no certificate in it"),
    ] {
        let error = by_url(&url, None, ca).await.err().unwrap().to_string();
        assert!(error.contains(told), "{error}");
    }
    let by_address = format!("https://127.0.0.1:{}", server.listening.http.unwrap().port());
    let error = by_url(&by_address, None, Some(file("ours.pem"))).await.err().unwrap().to_string();
    assert!(error.contains("its certificate is not trusted"), "{error}");
}
