//! Whom the client trusts, and that it offers HTTP/2.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use screwdriver_api_client::{Class, Error, SetupError};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::api::listen;
use crate::{builder, client};

/// A server that completes one handshake and hangs up; it returns the protocol agreed upon, or `None`
/// if there was no handshake.
struct Handshake {
    uri: Url,
    certificate: String,
    server: JoinSet<Option<Vec<u8>>>,
}

// === impl Handshake ===

impl Handshake {
    async fn as_host(name: &str) -> Self {
        // Before the server's configuration, which needs the provider as well.
        let _ = builder();
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (listener, mut uri) = listen().await;
        uri.set_scheme("https").unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let (connection, _) = listener.accept().await.unwrap();
            let stream = TlsAcceptor::from(Arc::new(config))
                .accept(connection)
                .await
                .ok()?;
            stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
        });
        Self {
            uri,
            certificate: cert.pem(),
            server,
        }
    }

    async fn protocol(mut self) -> Option<Vec<u8>> {
        self.server.join_next().await.unwrap().unwrap()
    }
}

fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_as_such() {
    let api = Handshake::as_host("127.0.0.1").await;
    let error = client().status(&api.uri).await.unwrap_err();
    assert!(matches!(error, Error::Certificate(_)), "{error:?}");
    assert_eq!(error.class(), Class::Environment);
    assert_eq!(api.protocol().await, None);
}

#[tokio::test]
async fn the_ca_file_is_trusted_and_http_2_is_offered() {
    let api = Handshake::as_host("127.0.0.1").await;
    let ca_file = Some(file("trusted.pem", &api.certificate));
    let client = builder().ca_file(ca_file).build().unwrap();
    let error = client.status(&api.uri).await.unwrap_err();
    assert!(
        matches!(error, Error::Transport(_)),
        "the server hangs up after the handshake: {error:?}"
    );
    assert_eq!(api.protocol().await.as_deref(), Some(b"h2".as_slice()));
}

#[tokio::test]
async fn a_trusted_certificate_for_another_name_is_refused() {
    let api = Handshake::as_host("api.sd.example").await;
    let ca_file = Some(file("other-name.pem", &api.certificate));
    let client = builder().ca_file(ca_file).build().unwrap();
    let error = client.status(&api.uri).await.unwrap_err();
    assert!(matches!(error, Error::Certificate(_)), "{error:?}");
    assert_eq!(api.protocol().await, None);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_failure_to_connect() {
    let api = crate::api::Api::answering(|| crate::api::answer(200, "")).await;
    let mut uri = api.uri.clone();
    uri.set_scheme("https").unwrap();
    let error = client().status(&uri).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
}

#[test]
fn a_ca_file_must_hold_certificates() {
    let build = |name, content| {
        let ca_file = Some(file(name, content));
        builder().ca_file(ca_file).build()
    };
    assert!(matches!(build("empty.pem", ""), Err(SetupError::CaEmpty { .. })));
    let broken = "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        build("broken.pem", broken),
        Err(SetupError::CaFormat { .. })
    ));
}
