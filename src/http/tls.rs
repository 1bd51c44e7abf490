//! HTTPS by certificate files. They are read again on SIGHUP; new ones that are broken leave the old ones in force.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

/// Why HTTPS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {} as PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("there is no certificate in {}", .0.display())]
    Empty(PathBuf),
    /// Certificate and key do not go together, or are of a kind that is not spoken.
    #[error("the certificate and its key cannot be used")]
    Unfit(#[from] rustls::Error),
}

/// Certificates in force.
pub(super) struct Certificates {
    files: Tls,
    acceptor: RwLock<TlsAcceptor>,
}

impl Certificates {
    pub(super) fn read(files: &Tls) -> Result<Self, TlsError> {
        Ok(Self { acceptor: RwLock::new(acceptor(files)?), files: files.clone() })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let fresh = acceptor(&self.files)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

fn acceptor(files: &Tls) -> Result<TlsAcceptor, TlsError> {
    let unread = |path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::Pem { path, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(unread(&files.certificate))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(unread(&files.certificate))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(files.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unread(&files.key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Whether both sides agreed on HTTP/2.
pub(super) fn is_http2(stream: &tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}
