package agentlane_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"agentlane"
	agentlanev1 "agentlane/gen/agentlane/v1"
)

func TestWhatIsSentAgain(t *testing.T) {
	for what, test := range map[string]struct {
		err   error
		tries int
	}{
		"a broken connection":              {reset, 8},
		"a cancel that nobody asked for":   {status.Error(codes.Canceled, "stream reset"), 8},
		"a proxy's INTERNAL":               {status.Error(codes.Internal, "RST_STREAM"), 8},
		"UNKNOWN":                          {errors.New("whatever"), 8},
		"a refusal with a delay":           {refusal(codes.ResourceExhausted, "QUEUE_FULL", "", retryInfo(time.Second)), 8},
		"a refusal without one":            {refusal(codes.ResourceExhausted, "QUEUE_FULL", ""), 1},
		"a server that drains":             {refusal(codes.Unavailable, "DRAINING", ""), 8},
		"a server that stops":              {refusal(codes.Unavailable, "WATCH_ENDED", "t"), 8},
		"a store that is away":             {refusal(codes.Unavailable, "WATCH_BROKEN", "t"), 8},
		"a task's own failure":             {refusal(codes.Unavailable, "ECHO_FAILURE", "t", retryInfo(time.Second)), 1},
		"this server's INTERNAL":           {refusal(codes.Internal, "INTERNAL", ""), 1},
		"a refusal for good":               {refusal(codes.FailedPrecondition, "SESSION_BUSY", ""), 1},
		"a refusal for good, undetailed":   {status.Error(codes.InvalidArgument, "no"), 1},
		"a message over the server's size": {status.Error(codes.ResourceExhausted, "too large"), 1},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{getTask: func(context.Context) (*agentlanev1.GetTaskResponse, error) { return nil, test.err }}
				_, err := s.connect(t).GetTask(t.Context(), "t")
				failure(t, err)
				if s.count("getTask") != test.tries {
					t.Errorf("%d tries: %v", s.count("getTask"), err)
				}
			})
		})
	}
}

func TestBackoffHonoursRetryInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		keys := map[string]bool{}
		s := &server{submit: func(request *agentlanev1.SubmitTaskRequest) (*agentlanev1.SubmitTaskResponse, error) {
			at = append(at, time.Now())
			keys[request.IdempotencyKey] = true
			if len(at) < 5 {
				return nil, refusal(codes.ResourceExhausted, "QUEUE_FULL", "", retryInfo(10*time.Second))
			}
			return &agentlanev1.SubmitTaskResponse{Task: &agentlanev1.Task{TaskId: "t"}}, nil
		}}
		client := s.connect(t, agentlane.WithRetries(agentlane.Retries{InitialBackoff: time.Second, MaxBackoff: 3 * time.Second}))
		reply, err := client.Submit(t.Context(), turn)
		if err != nil || reply.Task.TaskId != "t" || len(keys) != 1 || keys[""] {
			t.Fatalf("%v, keys %v", err, keys)
		}
		for i, bound := range []time.Duration{1, 2, 3, 3} {
			delay := at[i+1].Sub(at[i]) - 10*time.Second
			if delay < 0 || delay > bound*time.Second {
				t.Errorf("delay %d: %v more than asked for, at most %d s", i, delay, bound)
			}
		}
	})
}

func TestADelayThatTheDeadlineLeavesNoTimeForIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{getTask: func(context.Context) (*agentlanev1.GetTaskResponse, error) {
			return nil, refusal(codes.ResourceExhausted, "QUEUE_FULL", "", retryInfo(time.Minute))
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		startedAt := time.Now()
		_, err := s.connect(t).GetTask(ctx, "t")
		e := failure(t, err)
		if e.Code != codes.ResourceExhausted || e.RetryAfter != time.Minute || !e.Retryable || time.Since(startedAt) != 0 {
			t.Errorf("%v after %v", e, time.Since(startedAt))
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{execute: func(ctx context.Context, _ *agentlanev1.ExecuteRequest) (*agentlanev1.ExecuteResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		client := s.connect(t, agentlane.WithTimeout(time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, test := range []struct {
			ctx   context.Context
			limit time.Duration
		}{{ctx, time.Second}, {t.Context(), time.Minute}} {
			startedAt := time.Now()
			_, err := client.Execute(test.ctx, turn)
			if e := failure(t, err); e.Code != codes.DeadlineExceeded || e.Reason != "DEADLINE_EXCEEDED" {
				t.Error(e)
			}
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(startedAt) != test.limit || len(s.canceled()) != 0 {
				t.Errorf("%v after %v, canceled %v", err, time.Since(startedAt), s.canceled())
			}
		}
	})
}

func TestGivingUpCancelsByKeyOnceTheSubmitHasArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var key string
		s := &server{execute: func(ctx context.Context, request *agentlanev1.ExecuteRequest) (*agentlanev1.ExecuteResponse, error) {
			key = request.IdempotencyKey
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		s.cancel = func(context.Context) error {
			if len(s.canceled()) < 3 {
				return refusal(codes.NotFound, "TASK_NOT_FOUND", "")
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := s.connect(t).Execute(ctx, turn)
		if e := failure(t, err); e.Code != codes.Canceled || e.Reason != "CANCELED" || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if cancels := s.canceled(); len(cancels) != 3 || key == "" || cancels[2].GetIdempotencyKey() != key {
			t.Errorf("canceled %v", cancels)
		}
	})
}

func TestGivingUpTakesNoLongerThanTwoSeconds(t *testing.T) {
	for name, answer := range map[string]func(context.Context) error{
		"silence":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"not found": func(context.Context) error { return refusal(codes.NotFound, "TASK_NOT_FOUND", "") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{cancel: answer, execute: func(ctx context.Context, _ *agentlanev1.ExecuteRequest) (*agentlanev1.ExecuteResponse, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				startedAt := time.Now()
				s.connect(t).Execute(ctx, turn)
				if took := time.Since(startedAt); took > 3*time.Second || len(s.canceled()) == 0 {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestWhatWasNeverSentIsNotCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		client := s.connect(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, executed := client.Execute(ctx, turn)
		_, streamed := collect(client.Stream(ctx, turn).Events())
		bad := agentlane.Turn{AgentID: "a", Input: func() {}}
		_, unwritable := client.Execute(t.Context(), bad)
		_, unstreamable := client.Stream(t.Context(), bad).Final()
		_, illegible := client.Submit(t.Context(), agentlane.Turn{AgentID: "a", Text: "\xff"})
		var found []codes.Code
		for _, err := range []error{executed, streamed, unwritable, unstreamable, illegible} {
			found = append(found, failure(t, err).Code)
		}
		want := []codes.Code{codes.Canceled, codes.Canceled, codes.InvalidArgument, codes.InvalidArgument, codes.InvalidArgument}
		if !reflect.DeepEqual(found, want) || len(s.calls) != 0 || len(s.canceled()) != 0 {
			t.Errorf("%v, calls %v, canceled %v", found, s.calls, s.canceled())
		}
	})
}

func TestARedriveIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{redrive: func() error { return reset }}
		_, err := s.connect(t).Redrive(t.Context(), "t")
		if e := failure(t, err); e.Code != codes.Unavailable || !e.Retryable || s.count("redrive") != 1 {
			t.Errorf("%v, %d calls", e, s.count("redrive"))
		}
	})
}

func TestAClosedClientDoesNotTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{execute: func(ctx context.Context, _ *agentlanev1.ExecuteRequest) (*agentlanev1.ExecuteResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		s.cancel = func(context.Context) error { return refusal(codes.NotFound, "TASK_NOT_FOUND", "") }
		client := s.connect(t)
		time.AfterFunc(time.Second, func() { client.Close() })
		givingUp, giveUp := context.WithCancel(t.Context())
		time.AfterFunc(950*time.Millisecond, giveUp)
		startedAt := time.Now()
		var group sync.WaitGroup
		for _, ctx := range []context.Context{t.Context(), givingUp} {
			group.Go(func() {
				if _, err := client.Execute(ctx, turn); err == nil {
					t.Error("a closed client answers")
				}
			})
		}
		group.Wait()
		_, err := client.GetTask(t.Context(), "t")
		failure(t, err)
		if took := time.Since(startedAt); took > 1100*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestErrorsHaveTheirDetails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		violation := &errdetails.BadRequest_FieldViolation{Field: "agent_id", Description: "no such letter"}
		s := &server{getTask: func(context.Context) (*agentlanev1.GetTaskResponse, error) {
			return nil, refusal(codes.InvalidArgument, "INVALID_FIELD", "t", &errdetails.BadRequest{
				FieldViolations: []*errdetails.BadRequest_FieldViolation{violation},
			})
		}}
		client := s.connect(t)
		_, err := client.GetTask(t.Context(), "t")
		e := failure(t, err)
		want := []agentlane.FieldViolation{{Field: "agent_id", Description: "no such letter"}}
		if e.Reason != "INVALID_FIELD" || e.TaskID != "t" || e.Retryable || !reflect.DeepEqual(e.FieldViolations, want) {
			t.Errorf("%+v", e)
		}
		if e.Error() != "agentlane: INVALID_ARGUMENT (INVALID_FIELD): refused" || status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v, %v", e, status.Code(err))
		}
		_, plain := client.Tasks.GetTask(t.Context(), &agentlanev1.GetTaskRequest{})
		if failure(t, agentlane.ErrorFrom(t.Context(), plain)).Reason != "INVALID_FIELD" || agentlane.ErrorFrom(t.Context(), nil) != nil {
			t.Error(plain)
		}
	})
}

func TestATurnIsWrittenInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *agentlanev1.ExecuteRequest
		s := &server{execute: func(_ context.Context, request *agentlanev1.ExecuteRequest) (*agentlanev1.ExecuteResponse, error) {
			got = request
			return &agentlanev1.ExecuteResponse{TaskId: "t", State: completed, Result: &agentlanev1.TaskResult{
				Interrupts: []*agentlanev1.Interrupt{{Value: structpb.NewStringValue("why?")}},
				State:      structpb.NewNumberValue(1),
			}}, nil
		}}
		earlier := []*agentlanev1.Message{{Role: agentlanev1.Role_ROLE_ASSISTANT, Content: []*agentlanev1.ContentPart{
			{Part: &agentlanev1.ContentPart_Text{Text: "before"}},
		}}}
		result, err := s.connect(t).Resume(t.Context(), agentlane.Turn{
			AgentID: "a", SessionID: "s", Text: "now", Messages: earlier,
			Input:          struct{ Cups []int }{[]int{2}},
			IdempotencyKey: "key", AttemptTimeout: time.Second, MaxAttempts: 2,
			Metadata: map[string]string{"label": "value"}, Configurable: map[string]any{"deep": []string{"x"}},
			MultitaskStrategy: agentlanev1.MultitaskStrategy_MULTITASK_STRATEGY_REJECT,
		}, structpb.NewNullValue())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(result.Interrupts, []any{"why?"}) || result.GraphState != 1.0 || result.State != completed {
			t.Errorf("%+v", result)
		}
		if len(got.Messages) != 2 || agentlane.TextOf(got.Messages[1]) != "now" || got.Messages[1].Role != agentlanev1.Role_ROLE_USER {
			t.Errorf("messages %v", got.Messages)
		}
		if _, isNull := got.Resume.GetKind().(*structpb.Value_NullValue); !isNull || got.IdempotencyKey != "key" || got.Timeout.AsDuration() != time.Second {
			t.Errorf("%v", got)
		}
		input := map[string]any{"Cups": []any{2.0}}
		configurable := map[string]any{"deep": []any{"x"}}
		if !reflect.DeepEqual(got.Input.AsInterface(), input) || !reflect.DeepEqual(got.Configurable.AsMap(), configurable) {
			t.Errorf("%v, %v", got.Input, got.Configurable)
		}
		if len(earlier) != 1 || got.OnDisconnect != agentlanev1.OnDisconnect_ON_DISCONNECT_CONTINUE {
			t.Errorf("%v", got)
		}
	})
}

func TestCallsCarryHeadersAndTheTraceContext(t *testing.T) {
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	before := otel.GetTextMapPropagator()
	otel.SetTextMapPropagator(propagation.TraceContext{})
	defer otel.SetTextMapPropagator(before)
	synctest.Test(t, func(t *testing.T) {
		var seen metadata.MD
		s := &server{getTask: func(ctx context.Context) (*agentlanev1.GetTaskResponse, error) {
			seen, _ = metadata.FromIncomingContext(ctx)
			return &agentlanev1.GetTaskResponse{}, nil
		}}
		client := s.connect(t, agentlane.WithAPIKey("secret"), agentlane.WithHeader("x-team", "blue"), agentlane.WithHeader("X-Both", "client"))
		ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": parent})
		ctx = metadata.AppendToOutgoingContext(ctx, "x-both", "call")
		for _, call := range []func() error{
			func() error { _, err := client.GetTask(ctx, "t"); return err },
			func() error { _, err := client.Tasks.GetTask(ctx, &agentlanev1.GetTaskRequest{}); return err },
		} {
			if err := call(); err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{
				"authorization": "Bearer secret", "x-team": "blue", "x-both": "call", "traceparent": parent,
			} {
				if !reflect.DeepEqual(seen.Get(name), []string{value}) {
					t.Errorf("%s: %v", name, seen.Get(name))
				}
			}
		}
	})
}

func TestAddresses(t *testing.T) {
	for address, isValid := range map[string]bool{
		"http://localhost:50051": true, "https://agents.example.com": true, "http://[::1]:50051/": true,
		"localhost:50051": false, "http://localhost/path": false, "http://": false, "ftp://localhost": false, "": false, "http://a b": false,
	} {
		client, err := agentlane.Connect(address)
		if (err == nil) != isValid {
			t.Errorf("%q: %v", address, err)
		}
		if err == nil {
			client.Close()
		} else {
			failure(t, err)
		}
	}
	if _, err := agentlane.Connect("http://localhost", agentlane.WithTLS(&tls.Config{})); err == nil {
		t.Error("TLS is configured, and not used")
	}
	if _, err := agentlane.Connect("http://localhost", agentlane.WithAPIKey("secret\n")); err == nil {
		t.Error("a key that no header can carry")
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	client, err := agentlane.Connect("http://"+listener.Addr().String(), agentlane.WithRetries(agentlane.Retries{MaxTries: 2}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Execute(t.Context(), turn)
	if e := failure(t, err); e.Code != codes.Unavailable || !e.Retryable || e.TaskID != "" {
		t.Error(err)
	}
}

func TestTLSWithAClientsCertificate(t *testing.T) {
	authority, key := certificate(t, nil, nil)
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	pair := func() tls.Certificate {
		leaf, own := certificate(t, authority, key)
		return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: own}
	}
	host := func() *grpc.Server {
		return grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{pair()}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		})))
	}
	plain := func(conn net.Conn) net.Conn { return conn }
	s := &server{getTask: func(context.Context) (*agentlanev1.GetTaskResponse, error) {
		return &agentlanev1.GetTaskResponse{Task: &agentlanev1.Task{TaskId: "t"}}, nil
	}}
	known := s.connectTo(t, host(), "https://127.0.0.1", plain, agentlane.WithTLS(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair()}}))
	if task, err := known.GetTask(t.Context(), "t"); err != nil || task.TaskId != "t" {
		t.Error(err)
	}
	once := agentlane.WithRetries(agentlane.Retries{MaxTries: 1})
	stranger := s.connectTo(t, host(), "https://127.0.0.1", plain, once, agentlane.WithTLS(&tls.Config{RootCAs: pool}))
	if _, err := stranger.GetTask(t.Context(), "t"); failure(t, err).Code != codes.Unavailable {
		t.Error(err)
	}
}

// certificate for 127.0.0.1, signed by a parent or itself.
func certificate(t *testing.T, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "agentlane"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        parent == nil, BasicConstraintsValid: true,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	bytes, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}
