package agentlane

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"

	agentlanev1 "agentlane/gen/agentlane/v1"
)

// cancelLimit bounds telling the server that nobody waits any more.
const cancelLimit = 2 * time.Second

// Client has what is done often, in a line each; everything else through the generated clients, whose
// errors ErrorFrom decodes. Safe for concurrent use.
type Client struct {
	Agents     agentlanev1.AgentServiceClient
	Tasks      agentlanev1.TaskServiceClient
	Sessions   agentlanev1.SessionServiceClient
	Operations agentlanev1.OperationsServiceClient

	conn    *grpc.ClientConn
	timeout time.Duration
	retries Retries
}

// Execute runs a turn and answers with its result. A task that fails is an error too.
func (c *Client) Execute(ctx context.Context, turn Turn) (*Result, error) {
	request := &agentlanev1.ExecuteRequest{}
	if err := turn.write(request); err != nil {
		return nil, err
	}
	if gaveUp(ctx) {
		return nil, errorOf(ctx, nil)
	}
	request.OnDisconnect = agentlanev1.OnDisconnect_ON_DISCONNECT_CONTINUE
	reply, err := repeat(ctx, c, c.Agents.Execute, request)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			c.abandon(ctx, request.IdempotencyKey, "")
		}
		return nil, err
	}
	return resultOf(reply.TaskId, reply.State, reply.Result), nil
}

// Resume answers the open interrupt of a session.
func (c *Client) Resume(ctx context.Context, turn Turn, answer any) (*Result, error) {
	turn.Resume = answer
	return c.Execute(ctx, turn)
}

// Stream runs a turn and streams its events, from the first to the terminal one.
func (c *Client) Stream(ctx context.Context, turn Turn) *Stream {
	request := &agentlanev1.StreamExecuteRequest{}
	err := turn.write(request)
	request.OnDisconnect = agentlanev1.OnDisconnect_ON_DISCONNECT_CONTINUE
	return &Stream{
		client:      c,
		ctx:         ctx,
		err:         err,
		failsAsTask: true,
		open: func(ctx context.Context, taskID string, afterSequence uint32) (receive, error) {
			if taskID == "" {
				return receiving(c.Agents.StreamExecute(ctx, request))
			}
			return c.watch(ctx, taskID, afterSequence)
		},
		abandon: func(ctx context.Context, taskID string) { c.abandon(ctx, request.IdempotencyKey, taskID) },
	}
}

// Watch follows a task after a sequence; 0 is before the first event. Leaving it cancels nothing, and
// a task that fails is no error of Events.
func (c *Client) Watch(ctx context.Context, taskID string, afterSequence uint32) *Stream {
	return &Stream{
		client:       c,
		ctx:          ctx,
		taskID:       taskID,
		lastSequence: afterSequence,
		open:         c.watch,
		abandon:      func(context.Context, string) {},
	}
}

func (c *Client) watch(ctx context.Context, taskID string, afterSequence uint32) (receive, error) {
	request := &agentlanev1.WatchTaskRequest{TaskId: taskID, AfterSequence: afterSequence}
	return receiving(c.Tasks.WatchTask(ctx, request))
}

// Submit runs a turn in the background.
func (c *Client) Submit(ctx context.Context, turn Turn) (*agentlanev1.SubmitTaskResponse, error) {
	request := &agentlanev1.SubmitTaskRequest{}
	if err := turn.write(request); err != nil {
		return nil, err
	}
	request.Streaming = turn.Streaming
	request.DeadlineAfter = durationOf(turn.DeadlineAfter)
	return repeat(ctx, c, c.Tasks.SubmitTask, request)
}

// Cancel cancels a task. Idempotent; a task that has ended stays as it is.
func (c *Client) Cancel(ctx context.Context, taskID string) (*agentlanev1.Task, error) {
	return c.cancel(ctx, cancelByID(taskID))
}

// CancelByKey cancels the task that was submitted with an idempotency key.
func (c *Client) CancelByKey(ctx context.Context, idempotencyKey string) (*agentlanev1.Task, error) {
	return c.cancel(ctx, cancelByKey(idempotencyKey))
}

func (c *Client) cancel(ctx context.Context, request *agentlanev1.CancelTaskRequest) (*agentlanev1.Task, error) {
	reply, err := repeat(ctx, c, c.Tasks.CancelTask, request)
	return reply.GetTask(), err
}

// GetTask looks a task up.
func (c *Client) GetTask(ctx context.Context, taskID string) (*agentlanev1.Task, error) {
	reply, err := repeat(ctx, c, c.Tasks.GetTask, &agentlanev1.GetTaskRequest{TaskId: taskID})
	return reply.GetTask(), err
}

// ListTasks answers with a page, newest first. A nil filter is for all.
func (c *Client) ListTasks(ctx context.Context, filter *agentlanev1.ListTasksRequest) (*agentlanev1.ListTasksResponse, error) {
	return repeat(ctx, c, c.Tasks.ListTasks, filter)
}

// GetSession answers with the history, among others.
func (c *Client) GetSession(ctx context.Context, agentID, sessionID string) (*agentlanev1.GetSessionResponse, error) {
	return repeat(ctx, c, c.Sessions.GetSession, &agentlanev1.GetSessionRequest{AgentId: agentID, SessionId: sessionID})
}

// DestroySession answers whether there was something to destroy.
func (c *Client) DestroySession(ctx context.Context, agentID, sessionID string) (bool, error) {
	request := &agentlanev1.DestroySessionRequest{AgentId: agentID, SessionId: sessionID}
	reply, err := repeat(ctx, c, c.Sessions.DestroySession, request)
	return reply.GetDestroyed(), err
}

// ExportSession answers with all of a session, for ImportSession.
func (c *Client) ExportSession(ctx context.Context, agentID, sessionID string) (*agentlanev1.ExecutionContext, error) {
	request := &agentlanev1.ExportSessionRequest{AgentId: agentID, SessionId: sessionID}
	reply, err := repeat(ctx, c, c.Sessions.ExportSession, request)
	return reply.GetContext(), err
}

// ImportSession creates a session, or replaces one if asked to. It is not repeated after a broken
// connection: a session that exists by then may be this one.
func (c *Client) ImportSession(ctx context.Context, session *agentlanev1.ExecutionContext, overwrite bool) (*agentlanev1.ImportSessionResponse, error) {
	return once(ctx, c, c.Sessions.ImportSession, &agentlanev1.ImportSessionRequest{Context: session, Overwrite: overwrite})
}

// ListDeadLetters answers with a page of tasks that were given up, newest first. A nil filter is for
// all.
func (c *Client) ListDeadLetters(ctx context.Context, filter *agentlanev1.ListDeadLettersRequest) (*agentlanev1.ListDeadLettersResponse, error) {
	return repeat(ctx, c, c.Tasks.ListDeadLetters, filter)
}

// Redrive sends dead letters back. It is not repeated after a broken connection: a task may have
// failed anew by then.
func (c *Client) Redrive(ctx context.Context, taskIDs ...string) (*agentlanev1.RedriveTasksResponse, error) {
	return once(ctx, c, c.Tasks.RedriveTasks, &agentlanev1.RedriveTasksRequest{TaskIds: taskIDs})
}

// PurgeDeadLetters deletes them for good: all of them where the filter is empty.
func (c *Client) PurgeDeadLetters(ctx context.Context, filter *agentlanev1.PurgeDeadLettersRequest) (*agentlanev1.PurgeDeadLettersResponse, error) {
	return once(ctx, c, c.Tasks.PurgeDeadLetters, filter)
}

// Close ends the connection; calls under way fail.
func (c *Client) Close() error { return c.conn.Close() }

func (c *Client) isClosed() bool { return c.conn.GetState() == connectivity.Shutdown }

// limited is the context of a whole operation.
func (c *Client) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || c.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// abandon cancels a task that nobody waits for any more: best effort, although the context may have
// ended. A submit that is still under way is not found at first.
func (c *Client) abandon(ctx context.Context, idempotencyKey, taskID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelLimit)
	defer cancel()
	request := cancelByID(taskID)
	if taskID == "" {
		request = cancelByKey(idempotencyKey)
	}
	request.Reason = "the caller went away"
	for delay := 100 * time.Millisecond; ; delay *= 2 {
		_, err := c.Tasks.CancelTask(ctx, request)
		if err == nil || ctx.Err() != nil || c.isClosed() {
			return
		}
		if code := decoded(err).Code; code != codes.NotFound && code != codes.Unavailable {
			return
		}
		sleep(ctx, delay)
	}
}

func cancelByID(taskID string) *agentlanev1.CancelTaskRequest {
	return &agentlanev1.CancelTaskRequest{Target: &agentlanev1.CancelTaskRequest_TaskId{TaskId: taskID}}
}

func cancelByKey(idempotencyKey string) *agentlanev1.CancelTaskRequest {
	return &agentlanev1.CancelTaskRequest{Target: &agentlanev1.CancelTaskRequest_IdempotencyKey{IdempotencyKey: idempotencyKey}}
}
