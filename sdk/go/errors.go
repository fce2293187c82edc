package agentlane

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentlanev1 "agentlane/gen/agentlane/v1"
)

// Error is what the server refused, or why a task failed, with the google.rpc details decoded.
type Error struct {
	Code codes.Code
	// Reason is stable, UPPER_SNAKE_CASE: ErrorInfo.reason; the code's name where there is none.
	Reason  string
	Message string
	// TaskID names the task that the call was about, once there is one.
	TaskID string
	// RetryAfter is when trying again makes sense, if the server says so.
	RetryAfter time.Duration
	// FieldViolations say what is wrong with the request.
	FieldViolations []FieldViolation
	// Retryable: the same turn may succeed when it is submitted anew.
	Retryable bool

	hasRetryInfo bool
	cause        error
}

// FieldViolation is what is wrong with a field of a request.
type FieldViolation struct {
	// Field is its path, e.g. `messages[0].role`.
	Field       string
	Description string
}

func (e *Error) Error() string {
	return fmt.Sprintf("agentlane: %s (%s): %s", code.Code(e.Code), e.Reason, e.Message)
}

// Unwrap answers with the context's error or grpc-go's, where there is one.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, context.DeadlineExceeded) true whoever noticed it first.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded
}

// GRPCStatus is what status.Code and status.FromError look for.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.Message) }

// ErrorFrom decodes what a generated client returned for a call with the context; nil stays nil.
func ErrorFrom(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return errorOf(ctx, err)
}

// decoded: only this server's errors have an ErrorInfo.
func decoded(cause error) *Error {
	said := status.Convert(cause)
	e := &Error{Code: said.Code(), Message: said.Message(), cause: cause}
	isOurs := false
	for _, detail := range said.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			isOurs, e.Reason, e.TaskID = true, detail.Reason, detail.Metadata["task_id"]
		case *errdetails.RetryInfo:
			e.hasRetryInfo, e.RetryAfter = true, detail.RetryDelay.AsDuration()
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				e.FieldViolations = append(e.FieldViolations, FieldViolation{violation.Field, violation.Description})
			}
		}
	}
	switch e.Code {
	case codes.Canceled, codes.Unknown, codes.Aborted, codes.Internal:
		if !isOurs { // a broken connection
			e.Code = codes.Unavailable
		}
	}
	if e.Reason == "" {
		e.Reason = code.Code(e.Code).String()
	}
	e.Retryable = e.Code == codes.Unavailable || e.hasRetryInfo
	return e
}

// errorOf is what the caller of an operation is told of a failed call.
func errorOf(ctx context.Context, cause error) *Error {
	if gaveUp(ctx) {
		return &Error{Code: codes.Canceled, Reason: "CANCELED", Message: "the caller gave up", cause: ctx.Err()}
	}
	return decoded(cause)
}

// gaveUp: a deadline that passes needs no CancelTask, for the task has the same one.
func gaveUp(ctx context.Context) bool { return ctx.Err() == context.Canceled }

func errorOfTask(taskID string, failure *agentlanev1.TaskError) *Error {
	e := &Error{
		Code:      cmp.Or(codes.Code(failure.GetCode()), codes.Unknown),
		Reason:    cmp.Or(failure.GetReason(), "TASK_FAILED"),
		Message:   cmp.Or(failure.GetMessage(), "the task failed without saying why"),
		TaskID:    taskID,
		Retryable: failure.GetRetryable(),
	}
	for _, field := range slices.Sorted(maps.Keys(failure.GetFieldViolations())) {
		e.FieldViolations = append(e.FieldViolations, FieldViolation{field, failure.FieldViolations[field]})
	}
	return e
}

// mayResend tells whether the same call may be sent again. A task's own failure may not: the task has
// ended. With these reasons only the watch did: the server stops, or its store is away.
func (e *Error) mayResend() bool {
	if e.TaskID != "" && e.Reason != "WATCH_ENDED" && e.Reason != "WATCH_BROKEN" {
		return false
	}
	return e.Code == codes.Unavailable || (e.Code == codes.ResourceExhausted && e.hasRetryInfo)
}
