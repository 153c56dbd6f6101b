/** The command line. */
@org.jspecify.annotations.NullMarked
package io.lastmile.cli;
