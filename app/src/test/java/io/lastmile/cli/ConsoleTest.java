package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.launch.RankListener.Channel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConsoleTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private static PrintStream stream(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, true, StandardCharsets.UTF_8);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aPipeGetsPlainLines() {
    Console console = Console.piped(stream(out), stream(err));
    console.status("step 1");
    console.rankLine(0, Channel.STDOUT, "loss 0.5 äö");
    console.rankLine(1, Channel.STDERR, "warning");
    console.clearStatus();
    console.print("done");
    assertThat(out()).isEqualTo("[rank 0] loss 0.5 äö\ndone\n");
    assertThat(err()).isEqualTo("step 1\n[rank 1] warning\n");
  }

  @Test
  void aTerminalKeepsOneLineBelow() {
    Console console = Console.terminal(stream(err), stream(err));
    console.status("step 1");
    console.rankLine(1, Channel.STDOUT, "loss");
    console.clearStatus();
    console.clearStatus();
    console.print("done");
    String clear = "\r\u001b[K";
    String step = clear + "\u001b[?7lstep 1\u001b[?7h";
    assertThat(err())
        .isEqualTo(step + clear + "\u001b[33m[rank 1]\u001b[0m loss\n" + step + clear + "done\n");
  }

  @Test
  void noColorIsRespected() {
    assertThat(Console.mayColour(Map.of())).isTrue();
    assertThat(Console.mayColour(Map.of("NO_COLOR", ""))).isTrue();
    assertThat(Console.mayColour(Map.of("NO_COLOR", "1"))).isFalse();
  }
}
