import io.agentlane.AgentStream;
import io.agentlane.AgentlaneClient;
import io.agentlane.AgentlaneException;
import io.agentlane.Turn;
import java.util.Scanner;
import java.util.UUID;

/** A conversation with an agent, line by line: {@code Chat.java [URL] [AGENT]}. */
class Chat {
  public static void main(String[] args) {
    String url = args.length > 0 ? args[0] : "http://localhost:50051";
    Turn turn = Turn.of(args.length > 1 ? args[1] : "demo").session(UUID.randomUUID().toString());
    try (var client = AgentlaneClient.connect(url); var lines = new Scanner(System.in)) {
      while (lines.hasNextLine()) {
        try (AgentStream stream = client.stream(turn.text(lines.nextLine()))) {
          for (var event : stream) {
            if (event.restarted()) System.out.print("\n(the attempt failed; once more)\n");
            System.out.print(event.text());
            System.out.flush();
          }
          System.out.println();
        } catch (AgentlaneException error) {
          System.out.println(error.code() + " " + error.reason() + ": " + error.getMessage());
        }
      }
    }
  }
}
