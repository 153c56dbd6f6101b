/** The command line: reads arguments, renders text. The only main(). */
@NullMarked
package io.lastmile.cli;

import org.jspecify.annotations.NullMarked;
