// Package agentlane is the client of Agentlane, which runs LLM agents as durable tasks over gRPC:
// streams go on by themselves after a broken connection, each event once, and a repeated call never
// runs a turn twice.
//
// A context's deadline limits an operation over all its connections, and the task with it. A context
// that is canceled gives the operation up, and cancels the task. All errors are of type *Error.
package agentlane

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	agentlanev1 "agentlane/gen/agentlane/v1"
)

// Version is that of the contract.
const Version = "0.1.0"

// Option of [Connect].
type Option func(*settings)

type settings struct {
	header  map[string]string
	timeout time.Duration
	retries Retries
	tls     *tls.Config
	dial    []grpc.DialOption
}

// WithAPIKey sends the key as `authorization: Bearer …`; none where it is empty.
func WithAPIKey(key string) Option {
	if key == "" {
		return func(*settings) {}
	}
	return WithHeader("authorization", "Bearer "+key)
}

// WithHeader adds metadata to every call, also of the generated clients. What a context carries
// (metadata.AppendToOutgoingContext) under the same name wins.
func WithHeader(name, value string) Option {
	return func(s *settings) { s.header[name] = value }
}

// WithTimeout limits operations whose context has no deadline. Default: no limit.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.timeout = timeout }
}

// WithRetries replaces the fields that are not 0.
func WithRetries(retries Retries) Option {
	return func(s *settings) { s.retries = retries }
}

// WithTLS sets authorities and client certificates, for https. Default: the system's authorities.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) { s.tls = config }
}

// WithDialOptions passes options to grpc-go; they win over this package's.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// Connect makes a client of `http://host:port` (cleartext) or `https://host:port`. It connects with
// the first call.
func Connect(address string, options ...Option) (*Client, error) {
	s := &settings{header: map[string]string{}}
	for _, option := range options {
		option(s)
	}
	conn, err := s.newConn(address)
	if err != nil {
		return nil, invalid("", err)
	}
	return &Client{
		Agents:     agentlanev1.NewAgentServiceClient(conn),
		Tasks:      agentlanev1.NewTaskServiceClient(conn),
		Sessions:   agentlanev1.NewSessionServiceClient(conn),
		Operations: agentlanev1.NewOperationsServiceClient(conn),
		conn:       conn,
		timeout:    s.timeout,
		retries:    s.retries.withDefaults(),
	}, nil
}

func (s *settings) newConn(address string) (*grpc.ClientConn, error) {
	for name, value := range s.header {
		isText := !strings.HasSuffix(strings.ToLower(name), "-bin")
		// A key that was read from a file with its newline; grpc-go fails each call, as if it were broken.
		if isText && strings.ContainsFunc(value, func(letter rune) bool { return letter < ' ' || letter > '~' }) {
			return nil, fmt.Errorf("header %q has characters that are not printable ASCII", name)
		}
	}
	target, transport, err := s.endpoint(address)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(target, append(s.dialOptions(transport), s.dial...)...)
}

func (s *settings) endpoint(address string) (string, credentials.TransportCredentials, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || strings.Trim(parsed.Path, "/") != "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return "", nil, fmt.Errorf("%q is neither http://host:port nor https://host:port", address)
	}
	port, transport := "443", credentials.NewTLS(s.tls)
	if parsed.Scheme == "http" {
		if s.tls != nil {
			return "", nil, fmt.Errorf("%q has no TLS, but TLS is configured", address)
		}
		port, transport = "80", insecure.NewCredentials()
	}
	if parsed.Port() != "" {
		port = parsed.Port()
	}
	return "dns:///" + net.JoinHostPort(parsed.Hostname(), port), transport, nil
}

func (s *settings) dialOptions(transport credentials.TransportCredentials) []grpc.DialOption {
	unary := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
		return call(s.outgoing(ctx), method, request, reply, conn, options...)
	}
	stream := func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, call grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		return call(s.outgoing(ctx), desc, conn, method, options...)
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent("agentlane-go/" + Version),
		grpc.WithChainUnaryInterceptor(unary),
		grpc.WithChainStreamInterceptor(stream),
		// The server's limit counts; this one would be lower.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),
		// A second by default, in which tries would fail at once.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 20 * time.Second,
		}),
		// A stream may be silent for long; one whose network is gone is noticed by this only.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// Retries by what somebody has written into the DNS would come on top of this package's.
		grpc.WithDisableServiceConfig(),
	}
}

// outgoing adds what the context does not say itself; the active span's context comes last.
func (s *settings) outgoing(ctx context.Context) context.Context {
	header, _ := metadata.FromOutgoingContext(ctx)
	if header == nil {
		header = metadata.MD{}
	}
	trace := propagation.MapCarrier{}
	otel.GetTextMapPropagator().Inject(ctx, trace)
	for _, fields := range []map[string]string{s.header, trace} {
		for name, value := range fields {
			if len(header.Get(name)) == 0 {
				header.Set(name, value)
			}
		}
	}
	return metadata.NewOutgoingContext(ctx, header)
}
