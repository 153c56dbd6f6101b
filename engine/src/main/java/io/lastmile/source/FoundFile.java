package io.lastmile.source;

import java.nio.file.Path;
import java.time.Instant;

/**
 * A file that a source names, not opened yet.
 *
 * @param path absolute
 * @param shown as messages name it: relative to the experiment's folder when it lies below it
 */
record FoundFile(Path path, String shown, long bytes, Instant modified) {}
