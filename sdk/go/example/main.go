// The first steps of the README: `go run ./example http://localhost:50051`.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"agentlane"
)

func main() {
	address := "http://localhost:50051"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	client, err := agentlane.Connect(address)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx := context.Background()

	answer, err := client.Execute(ctx, agentlane.Turn{AgentID: "echo", SessionID: "s1", Text: "hello"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Text)

	stream := client.Stream(ctx, agentlane.Turn{AgentID: "demo", SessionID: "s1", Text: "What is 6 * 7?"})
	for event, err := range stream.Events() {
		if err != nil {
			log.Fatal(err)
		}
		if event.Restarted {
			fmt.Println("\n(the attempt failed; once more)")
		}
		if call := event.Event.GetToolCallStarted().GetCall(); call != nil {
			fmt.Printf("[%s]", call.Name)
		}
		fmt.Print(event.Text)
	}
	fmt.Printf("\n%d events\n", stream.LastSequence())

	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err = client.Execute(limited, agentlane.Turn{AgentID: "nobody", Text: "hello"})
	var refused *agentlane.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Reason, refused.Retryable)
	}
}
