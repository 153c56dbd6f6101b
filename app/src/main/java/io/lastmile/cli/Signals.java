package io.lastmile.cli;

import io.lastmile.Cancellation;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Hears Ctrl-C and SIGTERM. A shutdown hook could not tell them apart; the JDK's class for it is
 * reached by reflection, since the compiler warns of it by name.
 */
final class Signals {
  /** A process that was told to end and has not done so by itself ends after this. */
  private static final Duration PATIENCE = Duration.ofMillis(1900);

  private final Consumer<Cancellation> listener;

  /** Set by the first signal; a second one ends the process at once. */
  private final AtomicBoolean told = new AtomicBoolean();

  private Signals(Consumer<Cancellation> listener) {
    this.listener = listener;
  }

  /** From now on tells this listener, on a thread of the JVM, instead of ending the process. */
  static void tell(Consumer<Cancellation> listener) {
    Signals signals = new Signals(listener);
    signals.handle("INT", Cancellation.INTERRUPTED);
    signals.handle("TERM", Cancellation.TERMINATED);
  }

  @SuppressWarnings("ReferenceEquality") // a proxy is equal to itself only
  private void handle(String signal, Cancellation meaning) {
    try {
      Class<?> signalClass = Class.forName("sun.misc.Signal");
      Class<?> handlerClass = Class.forName("sun.misc.SignalHandler");
      InvocationHandler call =
          (proxy, method, arguments) ->
              switch (method.getName()) {
                case "handle" -> received(meaning);
                case "equals" -> arguments != null && proxy == arguments[0];
                case "hashCode" -> System.identityHashCode(proxy);
                default -> "lastmile's handler of " + signal;
              };
      Object handler =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(), new Class<?>[] {handlerClass}, call);
      Object _ =
          signalClass
              .getMethod("handle", signalClass, handlerClass)
              .invoke(null, signalClass.getConstructor(String.class).newInstance(signal), handler);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("This JVM cannot handle signals", e);
    }
  }

  private Object received(Cancellation meaning) {
    if (!told.compareAndSet(false, true)) {
      Runtime.getRuntime().halt(meaning.exitCode());
    }
    Thread _ = Thread.ofPlatform().daemon().name("lastmile-halt").start(() -> haltLater(meaning));
    listener.accept(meaning);
    return Signals.class;
  }

  private static void haltLater(Cancellation meaning) {
    try {
      Thread.sleep(PATIENCE);
    } catch (InterruptedException e) {
      throw new IllegalStateException("Nobody interrupts this thread", e);
    }
    Runtime.getRuntime().halt(meaning.exitCode());
  }
}
