package agentlane

import (
	"context"
	"io"
	"iter"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentlanev1 "agentlane/gen/agentlane/v1"
)

// Event is an entry of a task's log.
type Event struct {
	TaskID string
	// Attempt is 0 before the first.
	Attempt uint32
	// Sequence is dense from 1, each once; a merged event stands for the MergedCount ones before it too.
	Sequence    uint32
	MergedCount uint32
	Event       *agentlanev1.TaskEvent
	// Text is what it adds to the answer; empty for all but chunks.
	Text string
	// Restarted: a further attempt begins, and what the ones before it said is void.
	Restarted bool
}

// Stream is a task's log, over as many connections as it takes. Nothing is sent before it is read,
// so that one that is never read needs no Close. Not for more than one goroutine at a time.
type Stream struct {
	client *Client
	// That of the whole operation, as in sql.Rows.
	ctx context.Context
	// open connects after a sequence; the task is unknown before the first event.
	open func(ctx context.Context, taskID string, afterSequence uint32) (receive, error)
	// abandon is for a reader who stops before the end.
	abandon      func(ctx context.Context, taskID string)
	failsAsTask  bool
	isRead       bool
	taskID       string
	lastSequence uint32
	attempt      uint32
	restarts     int
	text         strings.Builder
	end          *agentlanev1.TaskStateChange
	err          error
}

// TaskID is empty before the first event of a turn.
func (s *Stream) TaskID() string { return s.taskID }

// Text is the answer so far, of the current attempt.
func (s *Stream) Text() string { return s.text.String() }

// LastSequence is where a [Client.Watch] goes on.
func (s *Stream) LastSequence() uint32 { return s.lastSequence }

// Restarts counts the events that are Restarted.
func (s *Stream) Restarts() int { return s.restarts }

// State is the terminal state; UNSPECIFIED until it is known.
func (s *Stream) State() agentlanev1.TaskState { return s.end.GetState() }

// Events are read once, up to and including the terminal one. An error comes last, with a nil event:
// for [Client.Stream] also that of a task that failed or was canceled. Leaving the loop ends the
// call, and cancels a turn that it runs; that takes up to two seconds.
func (s *Stream) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		if s.isRead {
			yield(nil, &Error{Code: codes.FailedPrecondition, Reason: "STREAM_READ", Message: "a stream is read once", TaskID: s.taskID})
			return
		}
		s.isRead = true
		if s.err == nil && s.read(yield) {
			return
		}
		if s.err != nil {
			yield(nil, s.err)
		}
	}
}

// Final reads what is left, and answers with the result.
func (s *Stream) Final() (*Result, error) {
	if !s.isRead {
		for range s.Events() {
		}
	}
	switch {
	case s.err != nil:
		return nil, s.err
	case s.end == nil:
		return nil, &Error{Code: codes.Canceled, Reason: "CANCELED", Message: "the stream was left", TaskID: s.taskID}
	case isFailure(s.end):
		return nil, errorOfTask(s.taskID, s.end.GetError())
	}
	return resultOf(s.taskID, s.end.GetState(), s.end.GetResult()), nil
}

// read until the task's end, an error, which it leaves in err, or the reader's leaving.
func (s *Stream) read(yield func(*Event, error) bool) (left bool) {
	ctx, cancel := s.client.limited(s.ctx)
	defer cancel()
	if gaveUp(ctx) {
		s.err = errorOf(ctx, nil)
		return false
	}
	// Also when the body of the loop panics.
	isAbandoned := true
	defer func() {
		if isAbandoned && s.end == nil {
			s.abandon(ctx, s.taskID)
		}
	}()
	for tries := 1; ; tries++ {
		before := s.lastSequence
		left, cause := s.follow(ctx, yield)
		if left {
			return true
		}
		if s.end != nil {
			break
		}
		if s.lastSequence > before {
			tries = 0
		}
		err := errorOf(ctx, cause)
		if s.client.pause(ctx, max(tries, 1), err) {
			continue
		}
		if err.TaskID == "" {
			err.TaskID = s.taskID
		}
		isAbandoned, s.err = gaveUp(ctx), err
		return false
	}
	if s.failsAsTask && isFailure(s.end) {
		s.err = errorOfTask(s.taskID, s.end.GetError())
	}
	return false
}

// follow one connection to its end. `left`: the reader has stopped.
func (s *Stream) follow(ctx context.Context, yield func(*Event, error) bool) (left bool, cause error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next, cause := s.open(ctx, s.taskID, s.lastSequence)
	for cause == nil {
		var reply reply
		if reply, cause = next(); cause != nil {
			break
		}
		if reply.GetSequence() > s.lastSequence && reply.GetEvent() != nil && !yield(s.take(reply), nil) {
			return true, nil
		}
	}
	if cause == io.EOF {
		cause = status.Error(codes.Unavailable, "the stream ended early")
	}
	return false, cause
}

func (s *Stream) take(reply reply) *Event {
	event := &Event{
		TaskID:      reply.GetTaskId(),
		Attempt:     reply.GetAttempt(),
		Sequence:    reply.GetSequence(),
		MergedCount: reply.GetMergedCount(),
		Event:       reply.GetEvent(),
		Restarted:   s.attempt > 0 && reply.GetAttempt() > s.attempt,
	}
	if event.Restarted {
		s.restarts++
		s.text.Reset()
	}
	if choices := event.Event.GetChunk().GetChoices(); len(choices) > 0 {
		event.Text = choices[0].GetDelta().GetContent()
		s.text.WriteString(event.Text)
	}
	s.taskID, s.lastSequence, s.attempt = event.TaskID, event.Sequence, max(s.attempt, event.Attempt)
	s.end = nil
	// What follows a terminal event was redriven.
	switch change := event.Event.GetStateChange(); change.GetState() {
	case agentlanev1.TaskState_TASK_STATE_COMPLETED, agentlanev1.TaskState_TASK_STATE_INPUT_REQUIRED,
		agentlanev1.TaskState_TASK_STATE_FAILED, agentlanev1.TaskState_TASK_STATE_CANCELED:
		s.end = change
	}
	return event
}

func isFailure(end *agentlanev1.TaskStateChange) bool {
	state := end.GetState()
	return state == agentlanev1.TaskState_TASK_STATE_FAILED || state == agentlanev1.TaskState_TASK_STATE_CANCELED
}

// reply is a StreamExecuteResponse or a WatchTaskResponse.
type reply interface {
	GetTaskId() string
	GetAttempt() uint32
	GetSequence() uint32
	GetMergedCount() uint32
	GetEvent() *agentlanev1.TaskEvent
}

// receive answers with io.EOF at the end.
type receive func() (reply, error)

func receiving[T any, Reply interface {
	*T
	reply
}](connection grpc.ServerStreamingClient[T], err error) (receive, error) {
	if err != nil {
		return nil, err
	}
	return func() (reply, error) {
		message, err := connection.Recv()
		return Reply(message), err
	}, nil
}
