/** Where the bytes of a table lie: its files, their row groups and columns. Reads footers only. */
@NullMarked
package io.lastmile.source;

import org.jspecify.annotations.NullMarked;
