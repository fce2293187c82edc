package agentlane

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	agentlanev1 "agentlane/gen/agentlane/v1"
)

// Turn is field by field in agentlane.v1.ExecuteRequest. At least one of Text, Messages, Input and
// Resume is required; what is zero is left to the agent's and the server's defaults.
type Turn struct {
	AgentID string
	// SessionID is empty for a stateless turn.
	SessionID string
	// Text is one message of the user, after Messages.
	Text     string
	Messages []*agentlanev1.Message
	// Input is anything that encoding/json can write, or a *structpb.Value.
	Input any
	// Resume answers the session's open interrupt; as Input. structpb.NewNullValue() answers null.
	Resume   any
	Priority agentlanev1.Priority
	// IdempotencyKey is made where there is none, so that a call can be repeated.
	IdempotencyKey string
	// AttemptTimeout limits one attempt; the context's deadline limits the whole.
	AttemptTimeout    time.Duration
	MaxAttempts       uint32
	Metadata          map[string]string
	MultitaskStrategy agentlanev1.MultitaskStrategy
	RetryPolicy       *agentlanev1.RetryPolicy
	Configurable      map[string]any

	// Streaming is for Submit: tokens are produced, for somebody who will watch.
	Streaming bool
	// DeadlineAfter is for Submit: the task fails if it has not finished by then. Default: never.
	DeadlineAfter time.Duration
}

// Result of a turn.
type Result struct {
	TaskID string
	State  agentlanev1.TaskState
	// Text is that of the last message.
	Text string
	// Messages are those that the turn added.
	Messages []*agentlanev1.Message
	// Interrupts are what the graph asks, as JSON values; [Client.Resume] answers.
	Interrupts []any
	// GraphState is the graph's final state as a JSON value, where it is more than messages.
	GraphState   any
	Usage        *agentlanev1.Usage
	FinishReason string
	// SessionVersion is 0 for a stateless turn.
	SessionVersion uint64
}

// write the turn into any of the requests that run one: they have the same fields and numbers.
func (t Turn) write(request proto.Message) error {
	plain := &agentlanev1.ExecuteRequest{
		AgentId:           t.AgentID,
		SessionId:         t.SessionID,
		Messages:          t.Messages,
		Priority:          t.Priority,
		IdempotencyKey:    t.IdempotencyKey,
		Timeout:           durationOf(t.AttemptTimeout),
		MaxAttempts:       t.MaxAttempts,
		Metadata:          t.Metadata,
		MultitaskStrategy: t.MultitaskStrategy,
		RetryPolicy:       t.RetryPolicy,
	}
	if t.Text != "" {
		own := &agentlanev1.Message{Role: agentlanev1.Role_ROLE_USER, Content: []*agentlanev1.ContentPart{
			{Part: &agentlanev1.ContentPart_Text{Text: t.Text}},
		}}
		plain.Messages = append(append([]*agentlanev1.Message{}, t.Messages...), own)
	}
	if t.IdempotencyKey == "" {
		plain.IdempotencyKey = rand.Text()
	}
	var err error
	if plain.Input, err = valueOf("input", t.Input); err != nil {
		return err
	}
	if plain.Resume, err = valueOf("resume", t.Resume); err != nil {
		return err
	}
	if t.Configurable != nil {
		configurable, err := valueOf("configurable", t.Configurable)
		if err != nil {
			return err
		}
		plain.Configurable = configurable.GetStructValue()
	}
	// Here, because grpc-go fails a call that cannot be written as if the connection had broken.
	bytes, err := proto.Marshal(plain)
	if err == nil {
		err = proto.Unmarshal(bytes, request)
	}
	if err != nil {
		return invalid("", err)
	}
	return nil
}

func durationOf(duration time.Duration) *durationpb.Duration {
	if duration == 0 {
		return nil
	}
	return durationpb.New(duration)
}

func valueOf(field string, value any) (*structpb.Value, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case *structpb.Value:
		return value, nil
	}
	bytes, err := json.Marshal(value)
	if err != nil {
		return nil, invalid(field, err)
	}
	result := &structpb.Value{}
	if err := result.UnmarshalJSON(bytes); err != nil {
		return nil, invalid(field, err)
	}
	return result, nil
}

func invalid(field string, cause error) *Error {
	e := &Error{Code: codes.InvalidArgument, Reason: "INVALID_ARGUMENT", Message: cause.Error(), cause: cause}
	if field != "" {
		e.FieldViolations = []FieldViolation{{field, cause.Error()}}
	}
	return e
}

func resultOf(taskID string, state agentlanev1.TaskState, result *agentlanev1.TaskResult) *Result {
	found := &Result{
		TaskID:         taskID,
		State:          state,
		Messages:       result.GetMessages(),
		Usage:          result.GetUsage(),
		FinishReason:   result.GetFinishReason(),
		SessionVersion: result.GetSessionVersion(),
	}
	if count := len(found.Messages); count > 0 {
		found.Text = TextOf(found.Messages[count-1])
	}
	for _, interrupt := range result.GetInterrupts() {
		found.Interrupts = append(found.Interrupts, interrupt.GetValue().AsInterface())
	}
	if result.GetState() != nil {
		found.GraphState = result.GetState().AsInterface()
	}
	return found
}

// TextOf joins the text parts of a message.
func TextOf(message *agentlanev1.Message) string {
	var text strings.Builder
	for _, part := range message.GetContent() {
		text.WriteString(part.GetText())
	}
	return text.String()
}
