//! From a URL and options to a client.
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::client::Client;
use crate::error::Error;
use crate::scope::Retry;

#[cfg(test)]
mod tests;

/// What the generated clients send through.
pub type Transport = InterceptedService<Channel, Headers>;

/// Metadata of every call; that of a call itself wins.
#[derive(Clone, Default)]
pub struct Headers(Arc<Vec<(AsciiMetadataKey, AsciiMetadataValue)>>);

impl Headers {
    pub(crate) fn with(&self, name: &str, value: &str) -> Result<Self, Error> {
        let name_of = AsciiMetadataKey::from_bytes(name.as_bytes());
        let name_of = name_of.map_err(|_| refused(format!("{name:?} is no name of a header")))?;
        let value = AsciiMetadataValue::try_from(value);
        let mut value = value.map_err(|_| refused(format!("{name}: not visible ASCII")))?;
        value.set_sensitive(name_of == "authorization");
        let others = self.0.iter().filter(|(other, _)| *other != name_of);
        let all = others.cloned().chain([(name_of.clone(), value)]);
        Ok(Self(Arc::new(all.collect())))
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        for (name, value) in self.0.iter() {
            if !metadata.contains_key(name) {
                metadata.insert(name, value.clone());
            }
        }
        #[cfg(feature = "opentelemetry")]
        trace::inject(metadata);
        Ok(request)
    }
}

#[cfg(feature = "opentelemetry")]
mod trace {
    use opentelemetry::Context;
    use opentelemetry::global::get_text_map_propagator;
    use opentelemetry::propagation::Injector;
    use tonic::metadata::{AsciiMetadataKey, MetadataMap};

    struct Carrier<'a>(&'a mut MetadataMap);

    impl Injector for Carrier<'_> {
        /// What the caller gave stays.
        fn set(&mut self, name: &str, value: String) {
            let name = AsciiMetadataKey::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value.parse())
                && !self.0.contains_key(&name)
            {
                self.0.insert(name, value);
            }
        }
    }

    pub(super) fn inject(metadata: &mut MetadataMap) {
        get_text_map_propagator(|propagator| {
            propagator.inject_context(&Context::current(), &mut Carrier(metadata));
        });
    }
}

/// Options of a client.
#[must_use]
pub struct Builder {
    url: String,
    headers: Vec<(String, String)>,
    deadline: Option<Duration>,
    retry: Retry,
    #[cfg(feature = "tls")]
    authorities: Option<Vec<u8>>,
    #[cfg(feature = "tls")]
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            headers: Vec::new(),
            deadline: None,
            retry: Retry::default(),
            #[cfg(feature = "tls")]
            authorities: None,
            #[cfg(feature = "tls")]
            identity: None,
        }
    }

    /// Sent as `authorization: Bearer …`; empty = none.
    pub fn api_key(self, key: impl AsRef<str>) -> Self {
        match key.as_ref() {
            "" => self,
            key => self.header("authorization", format!("Bearer {key}")),
        }
    }

    /// Metadata of every call.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Of operations that name none. Default: no limit.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// PEM of the authorities to trust. Default: the system's.
    #[cfg(feature = "tls")]
    pub fn ca_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.authorities = Some(pem.as_ref().to_vec());
        self
    }

    /// PEM of the client's certificate and its key, where the server asks for one.
    #[cfg(feature = "tls")]
    pub fn client_certificate(mut self, cert: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = Some((cert.as_ref().to_vec(), key.as_ref().to_vec()));
        self
    }

    /// Inside of a Tokio runtime. Connects with the first call.
    pub fn connect(self) -> Result<Client, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::new(Code::FailedPrecondition, "there is no Tokio runtime here"))?;
        let headers = self.headers_of_calls()?;
        let channel = self.endpoint()?.connect_lazy();
        Ok(Client::new(
            channel,
            headers,
            self.deadline,
            self.retry,
            runtime,
        ))
    }

    fn headers_of_calls(&self) -> Result<Headers, Error> {
        let mut all = self.headers.iter();
        all.try_fold(Headers::default(), |headers, (name, value)| {
            headers.with(name, value)
        })
    }

    fn endpoint(&self) -> Result<Endpoint, Error> {
        let unusable = |error: &dyn std::error::Error| refused(format!("{}: {error}", self.url));
        let endpoint = Endpoint::from_shared(self.url.clone()).map_err(|error| unusable(&error))?;
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => self.with_tls(endpoint)?,
            _ => {
                return Err(refused(format!(
                    "{}: neither http:// nor https://",
                    self.url
                )));
            }
        };
        let endpoint = endpoint.user_agent(concat!("agentlane-rust/", env!("CARGO_PKG_VERSION")));
        Ok(endpoint
            .map_err(|error| unusable(&error))?
            .connect_timeout(Duration::from_secs(10))
            // A connection that is dead without a word is found out while a call is open.
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            // Streams that nobody reads hold up neither each other nor the calls beside them.
            .initial_stream_window_size(256 * 1024)
            .initial_connection_window_size(16 * 1024 * 1024))
    }

    #[cfg(feature = "tls")]
    fn with_tls(&self, endpoint: Endpoint) -> Result<Endpoint, Error> {
        use tonic::transport::{Certificate, ClientTlsConfig, Identity};
        let mut config = match &self.authorities {
            None => ClientTlsConfig::new().with_native_roots(),
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        };
        if let Some((cert, key)) = &self.identity {
            config = config.identity(Identity::from_pem(cert, key));
        }
        let endpoint = endpoint.tls_config(config);
        endpoint.map_err(|error| refused(format!("TLS: {}", chain(&error))))
    }

    #[cfg(not(feature = "tls"))]
    fn with_tls(&self, _: Endpoint) -> Result<Endpoint, Error> {
        Err(refused(format!("{}: needs the feature \"tls\"", self.url)))
    }
}

fn refused(message: String) -> Error {
    Error::new(Code::InvalidArgument, message)
}

#[cfg(feature = "tls")]
fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}
