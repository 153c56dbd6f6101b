package io.lastmile.query;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** One engine per test class and one session per test, both closed at the end. */
public final class EngineResource
    implements BeforeAllCallback, AfterAllCallback, BeforeEachCallback, AfterEachCallback {
  private @Nullable Engine engine;
  private @Nullable Session session;

  @Override
  public void beforeAll(ExtensionContext context) {
    engine = Engine.open(512L << 20);
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    session = engine().connect();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    session().close();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    engine().close();
  }

  public Engine engine() {
    if (engine == null) {
      throw new IllegalStateException("not open");
    }
    return engine;
  }

  public Session session() {
    if (session == null) {
      throw new IllegalStateException("not open");
    }
    return session;
  }

  /** The only value of a query. */
  public @Nullable Object value(String sql) {
    return session().rows(sql).getFirst().getFirst();
  }

  /** The failure of a query. */
  public QueryException failure(String sql) {
    try {
      Object rows = session().rows(sql);
      throw new AssertionError("no failure but " + rows);
    } catch (QueryException e) {
      return e;
    }
  }
}
