use super::*;

fn sent(headers: &Headers, request: Request<()>) -> Request<()> {
    headers.clone().call(request).unwrap()
}

fn value<'a>(request: &'a Request<()>, name: &str) -> &'a str {
    request.metadata().get(name).unwrap().to_str().unwrap()
}

#[test]
fn calls_carry_the_clients_headers_and_their_own() {
    let headers = Headers::default().with("x-team", "blue").unwrap();
    let headers = headers
        .with("x-both", "before")
        .unwrap()
        .with("x-both", "client")
        .unwrap();
    let mut request = Request::new(());
    request
        .metadata_mut()
        .insert("x-both", "call".parse().unwrap());
    let request = sent(&headers, request);
    assert_eq!(value(&request, "x-team"), "blue");
    assert_eq!(value(&request, "x-both"), "call");
    let request = sent(&headers, Request::new(()));
    assert_eq!(value(&request, "x-both"), "client");
    assert_eq!(request.metadata().get_all("x-both").iter().count(), 1);
}

#[test]
fn the_key_is_sent_as_a_bearer_and_kept_out_of_tables() {
    let headers = Client::builder("http://localhost:1")
        .api_key("secret")
        .headers_of_calls();
    let request = sent(&headers.unwrap(), Request::new(()));
    assert_eq!(value(&request, "authorization"), "Bearer secret");
    assert!(
        request
            .metadata()
            .get("authorization")
            .unwrap()
            .is_sensitive()
    );
    let headers = Client::builder("http://localhost:1")
        .api_key("")
        .headers_of_calls();
    let request = sent(&headers.unwrap(), Request::new(()));
    assert!(!request.metadata().contains_key("authorization"));
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_once() {
    let code = |builder: Builder| builder.connect().unwrap_err().code();
    assert_eq!(
        code(Client::builder("localhost:50051")),
        Code::InvalidArgument
    );
    assert_eq!(
        code(Client::builder("ftp://localhost")),
        Code::InvalidArgument
    );
    assert_eq!(code(Client::builder("http://a b")), Code::InvalidArgument);
    let local = || Client::builder("http://localhost:1");
    assert_eq!(code(local().header("a b", "c")), Code::InvalidArgument);
    assert_eq!(code(local().api_key("line\nbreak")), Code::InvalidArgument);
    let client = local().api_key("secret").connect().unwrap();
    assert!(!format!("{client:?}").contains("secret"));
}

#[test]
fn without_a_runtime_there_is_no_client() {
    let error = Client::connect("http://localhost:1").unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
}

#[cfg(feature = "opentelemetry")]
#[test]
fn calls_carry_the_active_trace_context() {
    use opentelemetry::propagation::text_map_propagator::FieldIter;
    use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
    use opentelemetry::{Context, global};

    #[derive(Debug)]
    struct Fixed;

    impl TextMapPropagator for Fixed {
        fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
            injector.set("traceparent", "active".to_owned());
        }
        fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
            context.clone()
        }
        fn fields(&self) -> FieldIter<'_> {
            FieldIter::new(&[])
        }
    }

    global::set_text_map_propagator(Fixed);
    let request = sent(&Headers::default(), Request::new(()));
    assert_eq!(value(&request, "traceparent"), "active");
    let given = Headers::default().with("traceparent", "given").unwrap();
    assert_eq!(
        value(&sent(&given, Request::new(())), "traceparent"),
        "given"
    );
}
