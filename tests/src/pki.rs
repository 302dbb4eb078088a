//! A certificate authority for one run: whatever speaks TLS here is verified as in production.
//!
//! Keys are made at the start, live in files of the run's directory and are trusted by nobody else.

use std::{
    fmt,
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};

/// The names by which everything on this machine is reached.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

/// The authority of one run and the directory of its files.
pub struct Pki {
    directory: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key as PEM files, in the form that programs take as flags.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key (PKCS #8), readable by the owner only.
    pub key: PathBuf,
}

/// A key pair for signatures as PEM files.
#[derive(Debug, Clone)]
pub struct SigningKeyFiles {
    /// The private key (PKCS #8), readable by the owner only.
    pub private: PathBuf,
    /// The public key.
    pub public: PathBuf,
}

// === impl Pki ===

impl Pki {
    /// Makes an authority and writes its certificate to `ca.crt` in `directory`, which is created.
    pub fn create(directory: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory).context("create the directory of the certificates")?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = subject("test-bed-ca", None);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let pki = Self {
            directory: directory.to_owned(),
            authority,
        };
        std::fs::write(pki.ca_file(), pki.ca_pem())?;
        Ok(pki)
    }

    /// The authority's certificate, as PEM.
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// The file with the authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    /// A certificate for a server on loopback (`127.0.0.1`, `localhost`), in files called `name`.
    pub fn server(&self, name: &str) -> anyhow::Result<CertificateFiles> {
        let mut params = CertificateParams::new(LOOPBACK.map(String::from))?;
        params.distinguished_name = subject(name, None);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(name, params)
    }

    /// A certificate for a program that is a server on loopback, called by `names` too, and a client of its own
    /// kind.
    pub fn peer(&self, name: &str, names: &[&str]) -> anyhow::Result<CertificateFiles> {
        let names = LOOPBACK.iter().chain(names).copied().map(String::from);
        let mut params = CertificateParams::new(names.collect::<Vec<_>>())?;
        params.distinguished_name = subject(name, None);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.issue(name, params)
    }

    /// A client's certificate: Kubernetes takes `common_name` for the user, `organization` for the group.
    pub fn client(
        &self,
        name: &str,
        common_name: &str,
        organization: Option<&str>,
    ) -> anyhow::Result<CertificateFiles> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(common_name, organization);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(name, params)
    }

    /// A key pair without a certificate, as service account tokens are signed with.
    pub fn signing_key(&self, name: &str) -> anyhow::Result<SigningKeyFiles> {
        let pair = KeyPair::generate()?;
        let private = self.directory.join(format!("{name}.key"));
        let public = self.directory.join(format!("{name}.pub"));
        write_secret(&private, &pair.serialize_pem())?;
        std::fs::write(&public, pair.public_key_pem())?;
        Ok(SigningKeyFiles { private, public })
    }

    fn issue(&self, name: &str, mut params: CertificateParams) -> anyhow::Result<CertificateFiles> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let pair = KeyPair::generate()?;
        let certificate = self.directory.join(format!("{name}.crt"));
        let key = self.directory.join(format!("{name}.key"));
        std::fs::write(&certificate, params.signed_by(&pair, &self.authority)?.pem())?;
        write_secret(&key, &pair.serialize_pem())?;
        Ok(CertificateFiles { certificate, key })
    }
}

/// Without the key.
impl fmt::Debug for Pki {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pki")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

fn subject(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_for_the_owner_only_and_never_printed() {
        let run = tempfile::tempdir().unwrap();
        let pki = Pki::create(run.path()).unwrap();
        let files = [
            pki.server("api").unwrap().key,
            pki.client("admin", "admin", Some("system:masters")).unwrap().key,
            pki.signing_key("accounts").unwrap().private,
        ];
        for key in files {
            assert_eq!(
                std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
                0o600,
                "{}",
                key.display()
            );
            assert!(
                std::fs::read_to_string(&key)
                    .unwrap()
                    .contains("BEGIN PRIVATE KEY")
            );
        }
        assert!(!format!("{pki:?}").contains("authority"));
    }
}
