package io.lastmile.plan;

import java.util.List;

/**
 * Neighbouring steps that one query runs.
 *
 * @param scope the columns after them
 * @param drops the steps that drop rows, in order: a row is dropped by the first whose condition is
 *     TRUE, and no later one sees it
 */
record Stage(Scope scope, List<DropStep> drops) {}
