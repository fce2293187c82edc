package agentlane

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
)

// Retries with full jitter: the n-th delay is uniform in
// [0, min(MaxBackoff, InitialBackoff × Multiplier^(n−1))], after what the server asks for.
type Retries struct {
	// MaxTries in a row without progress, the first included. Default 8: a restart of the server is waited for.
	MaxTries int
	// InitialBackoff is 100 ms by default.
	InitialBackoff time.Duration
	// Multiplier is 2 by default.
	Multiplier float64
	// MaxBackoff is 5 s by default.
	MaxBackoff time.Duration
}

func (r Retries) withDefaults() Retries {
	orDefault(&r.MaxTries, 8)
	orDefault(&r.InitialBackoff, 100*time.Millisecond)
	orDefault(&r.Multiplier, 2)
	orDefault(&r.MaxBackoff, 5*time.Second)
	return r
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// pause until the next try; false when there is none to be made. `tries`: those made so far.
func (c *Client) pause(ctx context.Context, tries int, err *Error) bool {
	if !err.mayResend() || tries >= c.retries.MaxTries || c.isClosed() {
		return false
	}
	growth := math.Pow(c.retries.Multiplier, float64(tries-1))
	bound := min(float64(c.retries.MaxBackoff), float64(c.retries.InitialBackoff)*growth)
	delay := err.RetryAfter + time.Duration(rand.Float64()*bound)
	if endsAt, ok := ctx.Deadline(); ok && time.Until(endsAt) <= delay {
		return false
	}
	sleep(ctx, delay)
	return true
}

// sleep ends early, and quietly, with the context.
func sleep(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// unary is a call of a generated client.
type unary[Request, Reply any] = func(context.Context, Request, ...grpc.CallOption) (Reply, error)

// repeat a call that changes nothing when it is repeated.
func repeat[Request, Reply any](ctx context.Context, client *Client, call unary[Request, Reply], request Request) (Reply, error) {
	ctx, cancel := client.limited(ctx)
	defer cancel()
	for tries := 1; ; tries++ {
		reply, cause := call(ctx, request)
		if cause == nil {
			return reply, nil
		}
		if err := errorOf(ctx, cause); !client.pause(ctx, tries, err) {
			return reply, err
		}
	}
}

// once is for what may have another effect the second time.
func once[Request, Reply any](ctx context.Context, client *Client, call unary[Request, Reply], request Request) (Reply, error) {
	ctx, cancel := client.limited(ctx)
	defer cancel()
	reply, cause := call(ctx, request)
	if cause != nil {
		return reply, errorOf(ctx, cause)
	}
	return reply, nil
}
