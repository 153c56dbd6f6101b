/**
 * What the user says: the experiment and its datasets, immutable, in YAML, Java or JSON. Touches no
 * row.
 */
@NullMarked
package io.lastmile.dataset;

import org.jspecify.annotations.NullMarked;
