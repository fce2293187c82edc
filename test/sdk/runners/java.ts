/** gRPC by grpc-java; Maven builds the SDK and the runner, and knows where their libraries are. */
import { maven, missingJava } from "../java-toolchain.ts";
import type { Runner } from "../runner.ts";

const CLASS_PATH = "sdk/java/target/classes:sdk/java/target/test-classes";
const LIBRARIES = "target/test.classpath";

export const runners: readonly Runner[] = [
  {
    language: "java",
    name: "java",
    missing: missingJava,
    async prepare() {
      const paths = ["-DincludeScope=test", `-Dmdep.outputFile=${LIBRARIES}`];
      await maven("-q", "test-compile", "dependency:build-classpath", ...paths);
    },
    command: [
      "sh",
      "-c",
      `exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -cp "${CLASS_PATH}:$(cat sdk/java/${LIBRARIES})" \
        io.agentlane.scenarios.ScenarioRunner "$@"`,
      "runner",
    ],
  },
];
