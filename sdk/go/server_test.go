package agentlane_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"agentlane"
	agentlanev1 "agentlane/gen/agentlane/v1"
)

// server is made up by a test; what it leaves out is UNIMPLEMENTED. It counts the calls of each kind.
type server struct {
	agentlanev1.UnimplementedAgentServiceServer
	agentlanev1.UnimplementedTaskServiceServer

	execute func(context.Context, *agentlanev1.ExecuteRequest) (*agentlanev1.ExecuteResponse, error)
	stream  func(*agentlanev1.StreamExecuteRequest, grpc.ServerStreamingServer[agentlanev1.StreamExecuteResponse]) error
	watch   func(*agentlanev1.WatchTaskRequest, grpc.ServerStreamingServer[agentlanev1.WatchTaskResponse]) error
	submit  func(*agentlanev1.SubmitTaskRequest) (*agentlanev1.SubmitTaskResponse, error)
	getTask func(context.Context) (*agentlanev1.GetTaskResponse, error)
	redrive func() error
	cancel  func(context.Context) error

	mutex   sync.Mutex
	calls   map[string]int
	cancels []*agentlanev1.CancelTaskRequest
}

func (s *server) count(name string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.calls[name]
}

func (s *server) called(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[name]++
}

func (s *server) canceled() []*agentlanev1.CancelTaskRequest {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.cancels
}

func (s *server) Execute(ctx context.Context, request *agentlanev1.ExecuteRequest) (*agentlanev1.ExecuteResponse, error) {
	s.called("execute")
	return s.execute(ctx, request)
}

func (s *server) StreamExecute(request *agentlanev1.StreamExecuteRequest, out grpc.ServerStreamingServer[agentlanev1.StreamExecuteResponse]) error {
	s.called("stream")
	return s.stream(request, out)
}

func (s *server) WatchTask(request *agentlanev1.WatchTaskRequest, out grpc.ServerStreamingServer[agentlanev1.WatchTaskResponse]) error {
	s.called("watch")
	return s.watch(request, out)
}

func (s *server) SubmitTask(_ context.Context, request *agentlanev1.SubmitTaskRequest) (*agentlanev1.SubmitTaskResponse, error) {
	s.called("submit")
	return s.submit(request)
}

func (s *server) GetTask(ctx context.Context, _ *agentlanev1.GetTaskRequest) (*agentlanev1.GetTaskResponse, error) {
	s.called("getTask")
	return s.getTask(ctx)
}

func (s *server) RedriveTasks(context.Context, *agentlanev1.RedriveTasksRequest) (*agentlanev1.RedriveTasksResponse, error) {
	s.called("redrive")
	return nil, s.redrive()
}

func (s *server) CancelTask(ctx context.Context, request *agentlanev1.CancelTaskRequest) (*agentlanev1.CancelTaskResponse, error) {
	s.mutex.Lock()
	s.cancels = append(s.cancels, request)
	s.mutex.Unlock()
	if s.cancel == nil {
		return &agentlanev1.CancelTaskResponse{}, nil
	}
	return nil, s.cancel(ctx)
}

// connect to it in memory. In a bubble of testing/synctest whatever is left running fails the test.
func (s *server) connect(t *testing.T, options ...agentlane.Option) *agentlane.Client {
	t.Helper()
	return s.connectBy(t, "http://127.0.0.1", func(conn net.Conn) net.Conn { return conn }, options...)
}

func (s *server) connectBy(t *testing.T, address string, wrap func(net.Conn) net.Conn, options ...agentlane.Option) *agentlane.Client {
	t.Helper()
	return s.connectTo(t, grpc.NewServer(grpc.WaitForHandlers(true)), address, wrap, options...)
}

func (s *server) connectTo(t *testing.T, host *grpc.Server, address string, wrap func(net.Conn) net.Conn, options ...agentlane.Option) *agentlane.Client {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	agentlanev1.RegisterAgentServiceServer(host, s)
	agentlanev1.RegisterTaskServiceServer(host, s)
	go host.Serve(listener)
	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		conn, err := listener.DialContext(ctx)
		if err != nil {
			return nil, err
		}
		return wrap(conn), nil
	})
	client, err := agentlane.Connect(address, append(options, agentlane.WithDialOptions(dial))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		host.Stop()
	})
	return client
}

// refusal is an error as this server makes it.
func refusal(code codes.Code, reason, taskID string, details ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Reason: reason, Metadata: map[string]string{}}
	if taskID != "" {
		info.Metadata["task_id"] = taskID
	}
	with, err := status.New(code, "refused").WithDetails(append(details, info)...)
	if err != nil {
		panic(err)
	}
	return with.Err()
}

func retryInfo(delay time.Duration) protoadapt.MessageV1 {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
}

// reset is what grpc-go makes of a connection that breaks.
var reset = status.Error(codes.Unavailable, "error reading from server: connection reset by peer")

// failure is the *agentlane.Error in an error that must be one.
func failure(t *testing.T, err error) *agentlane.Error {
	t.Helper()
	var found *agentlane.Error
	if !errors.As(err, &found) {
		t.Fatalf("not an *agentlane.Error: %v", err)
	}
	return found
}

// collect reads a stream to its end.
func collect(events iter.Seq2[*agentlane.Event, error]) (all []*agentlane.Event, err error) {
	for event, err := range events {
		if err != nil {
			return all, err
		}
		all = append(all, event)
	}
	return all, nil
}

func sequencesOf(events []*agentlane.Event) (sequences []uint32) {
	for _, event := range events {
		sequences = append(sequences, event.Sequence)
	}
	return sequences
}

const (
	running   = agentlanev1.TaskState_TASK_STATE_RUNNING
	completed = agentlanev1.TaskState_TASK_STATE_COMPLETED
	failed    = agentlanev1.TaskState_TASK_STATE_FAILED
)

func change(state agentlanev1.TaskState) *agentlanev1.TaskEvent {
	change := &agentlanev1.TaskStateChange{State: state}
	if state == failed {
		change.Error = &agentlanev1.TaskError{Code: 13, Reason: "AGENT_ERROR", Message: "it broke"}
	}
	return &agentlanev1.TaskEvent{Kind: &agentlanev1.TaskEvent_StateChange{StateChange: change}}
}

func chunk(text string) *agentlanev1.TaskEvent {
	choice := &agentlanev1.ChatCompletionChoice{Delta: &agentlanev1.ChatCompletionDelta{Content: &text}}
	chunk := &agentlanev1.ChatCompletionChunk{Choices: []*agentlanev1.ChatCompletionChoice{choice}}
	return &agentlanev1.TaskEvent{Kind: &agentlanev1.TaskEvent_Chunk{Chunk: chunk}}
}

// entry is one of the log of task "t".
func entry(attempt, sequence uint32, event *agentlanev1.TaskEvent) *agentlanev1.StreamExecuteResponse {
	return &agentlanev1.StreamExecuteResponse{TaskId: "t", Attempt: attempt, Sequence: sequence, Event: event}
}

func watched(entry *agentlanev1.StreamExecuteResponse) *agentlanev1.WatchTaskResponse {
	return &agentlanev1.WatchTaskResponse{
		TaskId: entry.TaskId, Attempt: entry.Attempt, Sequence: entry.Sequence,
		MergedCount: entry.MergedCount, Event: entry.Event,
	}
}

// sendAll until one cannot be sent.
func sendAll(out grpc.ServerStreamingServer[agentlanev1.StreamExecuteResponse], entries ...*agentlanev1.StreamExecuteResponse) error {
	for _, entry := range entries {
		if err := out.Send(entry); err != nil {
			return err
		}
	}
	return nil
}

func sendWatched(out grpc.ServerStreamingServer[agentlanev1.WatchTaskResponse], entries ...*agentlanev1.StreamExecuteResponse) error {
	for _, entry := range entries {
		if err := out.Send(watched(entry)); err != nil {
			return err
		}
	}
	return nil
}
