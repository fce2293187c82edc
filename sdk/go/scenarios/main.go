// The scenario runner of this SDK: `scenarios URL`. A line of JSON in, a line of JSON out;
// test/sdk/README.md describes both.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"

	"agentlane"
	agentlanev1 "agentlane/gen/agentlane/v1"
)

type request struct {
	Op                string            `json:"op"`
	AgentID           string            `json:"agent_id"`
	SessionID         string            `json:"session_id"`
	Text              string            `json:"text"`
	Resume            any               `json:"resume"`
	Input             any               `json:"input"`
	Configurable      map[string]any    `json:"configurable"`
	IdempotencyKey    string            `json:"idempotency_key"`
	Metadata          map[string]string `json:"metadata"`
	MaxAttempts       uint32            `json:"max_attempts"`
	MultitaskStrategy string            `json:"multitask_strategy"`
	TimeoutMs         int               `json:"timeout_ms"`
	AbortAfterMs      int               `json:"abort_after_ms"`
	StopAfterEvents   int               `json:"stop_after_events"`
	TaskID            string            `json:"task_id"`
	AfterSequence     uint32            `json:"after_sequence"`
}

type observation map[string]any

func main() {
	client, err := agentlane.Connect(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			log.Fatal(err)
		}
		observed, err := perform(client, asked)
		if err == nil {
			observed["ok"] = true
		} else {
			observed = observation{"ok": false, "error": fieldsOfError(err)}
		}
		if err := json.NewEncoder(os.Stdout).Encode(observed); err != nil {
			log.Fatal(err)
		}
	}
}

func perform(client *agentlane.Client, asked request) (observation, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if asked.AbortAfterMs > 0 {
		defer time.AfterFunc(time.Duration(asked.AbortAfterMs)*time.Millisecond, cancel).Stop()
	}
	if asked.TimeoutMs > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(asked.TimeoutMs)*time.Millisecond)
		defer cancel()
	}
	switch asked.Op {
	case "execute":
		result, err := client.Execute(ctx, asked.turn())
		return fieldsOfResult(result), err
	case "stream":
		return read(client.Stream(ctx, asked.turn()), asked.StopAfterEvents)
	case "watch":
		return read(client.Watch(ctx, asked.TaskID, asked.AfterSequence), asked.StopAfterEvents)
	case "submit":
		reply, err := client.Submit(ctx, asked.turn())
		task := reply.GetTask()
		return observation{"task_id": task.GetTaskId(), "state": nameOf(task.GetState()), "existing": reply.GetExisting()}, err
	case "cancel":
		task, err := cancelTask(ctx, client, asked)
		return observation{"task_id": task.GetTaskId(), "state": nameOf(task.GetState())}, err
	case "getTask":
		task, err := client.GetTask(ctx, asked.TaskID)
		observed := observation{"task_id": task.GetTaskId(), "state": nameOf(task.GetState())}
		if messages := task.GetResult().GetMessages(); len(messages) > 0 {
			observed.add("text", agentlane.TextOf(messages[len(messages)-1]))
		}
		return observed, err
	case "getSession":
		reply, err := client.GetSession(ctx, asked.AgentID, asked.SessionID)
		observed := observation{"history_count": len(reply.GetContext().GetHistory())}
		observed.add("session_version", reply.GetContext().GetVersion())
		return observed, err
	case "destroySession":
		_, err := client.DestroySession(ctx, asked.AgentID, asked.SessionID)
		return observation{}, err
	case "listDeadLetters":
		reply, err := client.ListDeadLetters(ctx, &agentlanev1.ListDeadLettersRequest{AgentId: asked.AgentID})
		ids := []string{}
		for _, task := range reply.GetTasks() {
			ids = append(ids, task.TaskId)
		}
		return observation{"task_ids": ids}, err
	case "redrive":
		reply, err := client.Redrive(ctx, asked.TaskID)
		return observation{"task_ids": append([]string{}, reply.GetRedrivenTaskIds()...)}, err
	}
	return nil, fmt.Errorf("unknown op %s", asked.Op)
}

func cancelTask(ctx context.Context, client *agentlane.Client, asked request) (*agentlanev1.Task, error) {
	if asked.TaskID == "" {
		return client.CancelByKey(ctx, asked.IdempotencyKey)
	}
	return client.Cancel(ctx, asked.TaskID)
}

func (r request) turn() agentlane.Turn {
	return agentlane.Turn{
		AgentID:           r.AgentID,
		SessionID:         r.SessionID,
		Text:              r.Text,
		Resume:            r.Resume,
		Input:             r.Input,
		Configurable:      r.Configurable,
		IdempotencyKey:    r.IdempotencyKey,
		Metadata:          r.Metadata,
		MaxAttempts:       r.MaxAttempts,
		MultitaskStrategy: agentlanev1.MultitaskStrategy(agentlanev1.MultitaskStrategy_value["MULTITASK_STRATEGY_"+r.MultitaskStrategy]),
	}
}

func read(stream *agentlane.Stream, stopAfter int) (observation, error) {
	sequences, restarts, tools, stopped := []uint32{}, 0, []string{}, false
	for event, err := range stream.Events() {
		if err != nil {
			return nil, err
		}
		sequences = append(sequences, event.Sequence)
		if event.Restarted {
			restarts++
		}
		switch kind := event.Event.Kind.(type) {
		case *agentlanev1.TaskEvent_ToolCallStarted:
			tools = append(tools, kind.ToolCallStarted.GetCall().GetName())
		case *agentlanev1.TaskEvent_ToolCallFinished:
			tools = append(tools, kind.ToolCallFinished.GetName())
		}
		if stopped = len(sequences) == stopAfter; stopped {
			break
		}
	}
	observed := observation{}
	if !stopped && stream.State() != agentlanev1.TaskState_TASK_STATE_FAILED {
		result, err := stream.Final()
		if err != nil {
			return nil, err
		}
		observed = fieldsOfResult(result)
	}
	delete(observed, "text")
	observed.add("text", stream.Text())
	observed["task_id"] = stream.TaskID()
	observed["sequences"] = sequences
	observed["restarts"] = restarts
	if len(tools) > 0 {
		observed["tool_events"] = tools
	}
	if !stopped {
		observed["state"] = nameOf(stream.State())
	}
	return observed, nil
}

func fieldsOfResult(result *agentlane.Result) observation {
	if result == nil {
		return nil
	}
	observed := observation{"task_id": result.TaskID, "state": nameOf(result.State)}
	observed.add("text", result.Text)
	observed.add("session_version", result.SessionVersion)
	if len(result.Interrupts) > 0 {
		observed["interrupts"] = result.Interrupts
	}
	if result.GraphState != nil {
		observed["state_json"] = result.GraphState
	}
	return observed
}

func fieldsOfError(err error) observation {
	var failure *agentlane.Error
	if !errors.As(err, &failure) {
		return observation{"code": "UNKNOWN", "message": err.Error()}
	}
	observed := observation{"code": code.Code(failure.Code).String(), "reason": failure.Reason, "message": failure.Message}
	observed.add("task_id", failure.TaskID)
	observed.add("retry_after_ms", failure.RetryAfter.Milliseconds())
	fields := []string{}
	for _, violation := range failure.FieldViolations {
		fields = append(fields, violation.Field)
	}
	if len(fields) > 0 {
		observed["fields"] = fields
	}
	return observed
}

// add leaves out what is empty.
func (o observation) add(name string, value any) {
	switch value {
	case "", int64(0), uint64(0):
	default:
		o[name] = value
	}
}

func nameOf(state agentlanev1.TaskState) string {
	return strings.TrimPrefix(state.String(), "TASK_STATE_")
}
