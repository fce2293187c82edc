package agentlane_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"agentlane"
	agentlanev1 "agentlane/gen/agentlane/v1"
)

type streamOut = grpc.ServerStreamingServer[agentlanev1.StreamExecuteResponse]
type watchOut = grpc.ServerStreamingServer[agentlanev1.WatchTaskResponse]

var turn = agentlane.Turn{AgentID: "a", Text: "x"}

// endless streams an event and then is silent until its caller goes; it says when that happened.
func endless(gone *atomic.Int32) func(*agentlanev1.StreamExecuteRequest, streamOut) error {
	return func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
		if err := sendAll(out, entry(1, 1, change(running))); err != nil {
			return err
		}
		<-out.Context().Done()
		gone.Add(1)
		return out.Context().Err()
	}
}

func TestEachEventIsYieldedOnceWhateverIsSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		merged := entry(1, 5, chunk("cd"))
		merged.MergedCount = 1
		s := &server{
			stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
				sendAll(out, entry(1, 1, change(running)), entry(1, 2, chunk("a")), entry(1, 2, chunk("a")), entry(1, 3, chunk("b")))
				return reset
			},
		}
		s.watch = func(request *agentlanev1.WatchTaskRequest, out watchOut) error {
			if s.count("watch") == 1 {
				if request.TaskId != "t" || request.AfterSequence != 3 {
					t.Errorf("watched %v", request)
				}
				sendWatched(out, entry(1, 3, chunk("b")), merged)
				return reset
			}
			// Sequence 4 is in the merged event.
			return sendWatched(out, entry(1, 4, chunk("c")), entry(1, 5, chunk("d")), entry(1, 6, change(completed)))
		}
		stream := s.connect(t).Stream(t.Context(), turn)
		events, err := collect(stream.Events())
		if err != nil {
			t.Fatal(err)
		}
		if sequences := sequencesOf(events); !reflect.DeepEqual(sequences, []uint32{1, 2, 3, 5, 6}) {
			t.Errorf("sequences %v", sequences)
		}
		if stream.Text() != "abcd" || stream.LastSequence() != 6 || stream.State() != completed || stream.TaskID() != "t" {
			t.Errorf("%q, %d, %v, %q", stream.Text(), stream.LastSequence(), stream.State(), stream.TaskID())
		}
		if s.count("stream") != 1 || len(s.canceled()) != 0 {
			t.Errorf("%d calls, canceled %v", s.count("stream"), s.canceled())
		}
	})
}

func TestBeforeTheFirstEventTheSameRequestIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := map[string]int{}
		s := &server{}
		s.stream = func(request *agentlanev1.StreamExecuteRequest, out streamOut) error {
			keys[request.IdempotencyKey]++
			if request.OnDisconnect != agentlanev1.OnDisconnect_ON_DISCONNECT_CONTINUE {
				t.Error("the task would end with the connection")
			}
			switch s.count("stream") {
			case 1:
				return reset
			case 2: // ends well, but early
				return nil
			}
			return sendAll(out, entry(1, 1, change(completed)))
		}
		if _, err := s.connect(t).Stream(t.Context(), turn).Final(); err != nil {
			t.Fatal(err)
		}
		if len(keys) != 1 || s.count("stream") != 3 || s.count("watch") != 0 {
			t.Errorf("keys %v", keys)
		}
	})
}

func TestTheOutputOfAFailedAttemptIsDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
			return sendAll(out,
				entry(0, 1, change(agentlanev1.TaskState_TASK_STATE_QUEUED)), entry(1, 2, change(running)), entry(1, 3, chunk("wrong")),
				entry(1, 4, change(agentlanev1.TaskState_TASK_STATE_RETRY_WAIT)),
				entry(2, 5, change(running)), entry(2, 6, chunk("right")), entry(2, 7, change(completed)))
		}}
		stream := s.connect(t).Stream(t.Context(), turn)
		var restarted []uint32
		for event, err := range stream.Events() {
			if err != nil {
				t.Fatal(err)
			}
			if event.Restarted {
				restarted = append(restarted, event.Sequence)
			}
		}
		if stream.Text() != "right" || stream.Restarts() != 1 || !reflect.DeepEqual(restarted, []uint32{5}) {
			t.Errorf("%q, restarted at %v", stream.Text(), restarted)
		}
	})
}

func TestAStreamFailsAsItsTaskAndAWatchDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{
			// The status repeats what the terminal event says; a task's failure is never sent again.
			stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
				sendAll(out, entry(1, 1, change(failed)))
				return refusal(codes.Unavailable, "AGENT_ERROR", "t")
			},
			watch: func(_ *agentlanev1.WatchTaskRequest, out watchOut) error {
				return sendWatched(out, entry(1, 1, change(failed)))
			},
		}
		client := s.connect(t)
		events, err := collect(client.Stream(t.Context(), turn).Events())
		e := failure(t, err)
		if len(events) != 1 || e.Code != codes.Internal || e.Reason != "AGENT_ERROR" || e.TaskID != "t" || e.Message != "it broke" {
			t.Errorf("%d events, %v", len(events), e)
		}
		watch := client.Watch(t.Context(), "t", 0)
		if _, err := collect(watch.Events()); err != nil || watch.State() != failed {
			t.Errorf("%v, %v", watch.State(), err)
		}
		if _, err := watch.Final(); failure(t, err).Reason != "AGENT_ERROR" {
			t.Error(err)
		}
		if s.count("stream") != 1 || s.count("watch") != 1 || len(s.canceled()) != 0 {
			t.Errorf("calls %v, canceled %v", s.calls, s.canceled())
		}
	})
}

func TestARedrivenTaskIsReadToItsLastEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{watch: func(request *agentlanev1.WatchTaskRequest, out watchOut) error {
			if request.AfterSequence == 0 {
				sendWatched(out, entry(1, 1, change(failed)), entry(2, 2, change(running)))
				return reset
			}
			return sendWatched(out, entry(2, 3, change(completed)))
		}}
		watch := s.connect(t).Watch(t.Context(), "t", 0)
		if _, err := watch.Final(); err != nil || watch.Restarts() != 1 || watch.LastSequence() != 3 {
			t.Errorf("%v, %d restarts", err, watch.Restarts())
		}
	})
}

func TestAReaderThatStopsCancelsTheTask(t *testing.T) {
	leave := map[string]func(*agentlane.Stream){
		"break": func(stream *agentlane.Stream) {
			for range stream.Events() {
				break
			}
		},
		"pull": func(stream *agentlane.Stream) {
			next, stop := iter.Pull2(stream.Events())
			next()
			stop()
		},
		"panic": func(stream *agentlane.Stream) {
			defer func() { recover() }()
			for range stream.Events() {
				panic("in the body")
			}
		},
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gone atomic.Int32
				s := &server{stream: endless(&gone)}
				stream := s.connect(t).Stream(t.Context(), turn)
				leave(stream)
				synctest.Wait()
				if cancels := s.canceled(); len(cancels) != 1 || cancels[0].GetTaskId() != "t" || gone.Load() != 1 {
					t.Errorf("canceled %v, %d connections ended", cancels, gone.Load())
				}
				if _, err := stream.Final(); failure(t, err).Code != codes.Canceled {
					t.Error(err)
				}
			})
		})
		t.Run(name+" at the end", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
					return sendAll(out, entry(1, 1, change(failed)))
				}}
				stream := s.connect(t).Stream(t.Context(), turn)
				leave(stream)
				if _, err := stream.Final(); failure(t, err).Reason != "AGENT_ERROR" || len(s.canceled()) != 0 {
					t.Errorf("%v, canceled %v", err, s.canceled())
				}
			})
		})
	}
}

func TestAWatchThatIsLeftAndAStreamThatHasEndedCancelNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Int32
		s := &server{
			stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
				return sendAll(out, entry(1, 1, change(completed)))
			},
			watch: func(_ *agentlanev1.WatchTaskRequest, out watchOut) error {
				sendWatched(out, entry(1, 1, change(running)))
				<-out.Context().Done()
				gone.Add(1)
				return nil
			},
		}
		client := s.connect(t)
		for range client.Watch(t.Context(), "t", 0).Events() {
			break
		}
		for range client.Stream(t.Context(), turn).Events() {
			break
		}
		client.Stream(t.Context(), turn) // never read
		synctest.Wait()
		if len(s.canceled()) != 0 || gone.Load() != 1 || s.count("stream") != 1 {
			t.Errorf("canceled %v, %d connections ended, calls %v", s.canceled(), gone.Load(), s.calls)
		}
	})
}

func TestACanceledContextCancelsTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Int32
		s := &server{stream: endless(&gone)}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := collect(s.connect(t).Stream(ctx, turn).Events())
		synctest.Wait()
		if e := failure(t, err); e.Code != codes.Canceled || e.Reason != "CANCELED" || e.TaskID != "t" || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if len(s.canceled()) != 1 || gone.Load() != 1 {
			t.Errorf("canceled %v, %d connections ended", s.canceled(), gone.Load())
		}
	})
}

func TestACanceledContextInAPauseCancelsTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
			sendAll(out, entry(1, 1, change(running)))
			return refusal(codes.Unavailable, "WATCH_ENDED", "t", retryInfo(time.Hour))
		}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := collect(s.connect(t).Stream(ctx, turn).Events())
		if !errors.Is(err, context.Canceled) || len(s.canceled()) != 1 || s.count("watch") != 0 {
			t.Errorf("%v, canceled %v, calls %v", err, s.canceled(), s.calls)
		}
	})
}

func TestTheDeadlineHoldsOverReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sequence := uint32(1)
		s := &server{
			stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
				sendAll(out, entry(1, 1, change(running)))
				return reset
			},
			watch: func(_ *agentlanev1.WatchTaskRequest, out watchOut) error {
				sequence++
				sendWatched(out, entry(1, sequence, chunk("x")))
				select {
				case <-time.After(time.Second):
				case <-out.Context().Done():
				}
				return reset
			},
		}
		client := s.connect(t, agentlane.WithTimeout(20*time.Second))
		for limit, ctx := range map[time.Duration]func() (context.Context, context.CancelFunc){
			20 * time.Second: func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
			5 * time.Second: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 5*time.Second)
			},
		} {
			ctx, cancel := ctx()
			startedAt, before := time.Now(), s.count("watch")
			sequence = 1
			_, err := collect(client.Stream(ctx, turn).Events())
			cancel()
			e := failure(t, err)
			// The pause that would end after the deadline is not waited for; it is the last 100 ms.
			if took := time.Since(startedAt); took > limit || took < limit-200*time.Millisecond {
				t.Errorf("took %v of %v", took, limit)
			}
			if e.TaskID != "t" || (e.Code != codes.DeadlineExceeded && e.Code != codes.Unavailable) {
				t.Error(e)
			}
			if s.count("watch")-before < 3 || len(s.canceled()) != 0 {
				t.Errorf("calls %v, canceled %v", s.calls, s.canceled())
			}
		}
	})
}

func TestADeadlineNeedsNoCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Int32
		s := &server{stream: endless(&gone)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := collect(s.connect(t).Stream(ctx, turn).Events())
		e := failure(t, err)
		if e.Code != codes.DeadlineExceeded || e.Reason != "DEADLINE_EXCEEDED" || e.TaskID != "t" || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(e)
		}
		if len(s.canceled()) != 0 {
			t.Errorf("canceled %v", s.canceled())
		}
	})
}

func TestWhenAllTriesAreUsedUpTheErrorKnowsTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{
			stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
				sendAll(out, entry(1, 1, change(running)))
				return reset
			},
			watch: func(*agentlanev1.WatchTaskRequest, watchOut) error { return reset },
		}
		stream := s.connect(t, agentlane.WithRetries(agentlane.Retries{MaxTries: 3})).Stream(t.Context(), turn)
		_, err := collect(stream.Events())
		if e := failure(t, err); e.Code != codes.Unavailable || e.TaskID != "t" || !e.Retryable {
			t.Error(err)
		}
		// Three in a row without progress; the task goes on.
		if s.count("watch") != 3 || len(s.canceled()) != 0 || stream.LastSequence() != 1 {
			t.Errorf("calls %v, canceled %v", s.calls, s.canceled())
		}
	})
}

func TestAStreamIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{stream: func(_ *agentlanev1.StreamExecuteRequest, out streamOut) error {
			return sendAll(out, entry(1, 1, change(completed)))
		}}
		stream := s.connect(t).Stream(t.Context(), turn)
		if _, err := collect(stream.Events()); err != nil {
			t.Fatal(err)
		}
		if _, err := collect(stream.Events()); failure(t, err).Reason != "STREAM_READ" {
			t.Error(err)
		}
		if result, err := stream.Final(); err != nil || result.TaskID != "t" {
			t.Error(err)
		}
	})
}

// mute says nothing any more once it is told to: a network that is gone without a word.
type mute struct {
	net.Conn
	isMute atomic.Bool
	closed chan struct{}
	close  sync.Once
}

func (m *mute) Read(bytes []byte) (int, error) {
	count, err := m.Conn.Read(bytes)
	if m.isMute.Load() {
		<-m.closed
		return 0, io.EOF
	}
	return count, err
}

func (m *mute) Close() error {
	m.close.Do(func() { close(m.closed) })
	return m.Conn.Close()
}

func TestANetworkThatIsGoneWithoutAWordIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Int32
		var first *mute
		s := &server{stream: endless(&gone)}
		s.watch = func(_ *agentlanev1.WatchTaskRequest, out watchOut) error {
			return sendWatched(out, entry(1, 2, change(completed)))
		}
		client := s.connectBy(t, "http://127.0.0.1", func(conn net.Conn) net.Conn {
			if first != nil {
				return conn
			}
			first = &mute{Conn: conn, closed: make(chan struct{})}
			return first
		})
		startedAt := time.Now()
		for _, err := range client.Stream(t.Context(), turn).Events() {
			if err != nil {
				t.Fatal(err)
			}
			first.isMute.Store(true)
		}
		if took := time.Since(startedAt); took < 30*time.Second || took > 90*time.Second {
			t.Errorf("noticed after %v", took)
		}
	})
}
