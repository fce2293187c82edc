package io.agentlane;

import java.time.Duration;

/**
 * Full jitter: the n-th delay is uniform in [0, min(maxBackoff, initialBackoff × multiplier^(n−1))],
 * after the delay that the server names.
 *
 * @param maxTries tries in a row without progress, the first included; by default a restart of the
 *     server is waited for
 */
public record RetryOptions(
    int maxTries, Duration initialBackoff, double multiplier, Duration maxBackoff) {
  public static final RetryOptions DEFAULT =
      new RetryOptions(8, Duration.ofMillis(100), 2, Duration.ofSeconds(5));

  public RetryOptions withMaxTries(int tries) {
    return new RetryOptions(tries, initialBackoff, multiplier, maxBackoff);
  }

  public RetryOptions withBackoff(Duration initial, double multiplier, Duration max) {
    return new RetryOptions(maxTries, initial, multiplier, max);
  }

  /** {@code tries}: those made so far. {@code chance}: uniform in [0, 1). */
  Duration delay(int tries, Duration retryAfter, double chance) {
    double bound = initialBackoff.toMillis() * Math.pow(multiplier, tries - 1);
    double jitter = chance * Math.min(maxBackoff.toMillis(), bound);
    return retryAfter.plusMillis((long) jitter);
  }
}
