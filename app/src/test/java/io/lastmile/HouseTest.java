package io.lastmile;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Data goes one way, imports go the other. */
class HouseTest {
  private static final JavaClasses HOUSE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.lastmile");

  /** The packages, and which others of ours each may import. */
  private static final Map<String, List<String>> MAY_IMPORT = mayImport();

  private static Map<String, List<String>> mayImport() {
    Map<String, List<String>> allowed = new TreeMap<>();
    allowed.put("error", List.of());
    allowed.put("dataset", List.of("error"));
    allowed.put("query", List.of("error", "dataset"));
    allowed.put("source", List.of("error", "dataset", "query"));
    allowed.put("split", List.of("error", "dataset", "query", "source"));
    allowed.put("batch", List.of("error", "dataset", "query"));
    allowed.put("plan", List.of("error", "dataset", "query", "source", "split", "batch"));
    List<String> engine = List.of("error", "dataset", "query", "source", "split", "batch", "plan");
    allowed.put("diagnosis", engine);
    allowed.put("preview", with(engine, "diagnosis"));
    allowed.put("diff", with(engine, "diagnosis"));
    allowed.put("dispatch", engine);
    allowed.put("sequence", with(engine, "dispatch"));
    allowed.put("worker", with(engine, "diagnosis", "dispatch", "sequence"));
    allowed.put("estimate", with(engine, "diagnosis", "dispatch", "sequence", "worker"));
    allowed.put("feed", with(engine, "diagnosis", "dispatch", "sequence", "worker"));
    allowed.put("certify", with(engine, "dispatch", "sequence", "worker", "feed"));
    allowed.put("trace", with(engine, "diagnosis", "dispatch", "sequence", "certify"));
    allowed.put("write", with(engine, "dispatch", "sequence", "worker"));
    allowed.put("generate", with(engine));
    allowed.put("launch", List.of("error"));
    allowed.put("launch.local", List.of("error", "launch"));
    allowed.put("run", List.of("error", "dataset"));
    return allowed;
  }

  private static List<String> with(List<String> some, String... more) {
    return Stream.concat(some.stream(), Stream.of(more)).toList();
  }

  static Set<String> packages() {
    return MAY_IMPORT.keySet();
  }

  @ParameterizedTest
  @MethodSource("packages")
  void importsGoOneWay(String home) {
    List<String> allowed = with(MAY_IMPORT.getOrDefault(home, List.of()), home);
    String[] names = allowed.stream().map(name -> "io.lastmile." + name).toArray(String[]::new);
    classes()
        .that(resideInAPackage("io.lastmile." + home))
        .should()
        .onlyDependOnClassesThat(
            resideInAnyPackage(names).or(not(resideInAPackage("io.lastmile.."))))
        .allowEmptyShould(true)
        .check(HOUSE);
  }

  @Test
  void everyPackageHasItsPlace() {
    Set<String> known = new TreeSet<>(Set.of("io.lastmile", "io.lastmile.cli"));
    MAY_IMPORT.keySet().forEach(name -> known.add("io.lastmile." + name));
    assertThat(HOUSE.stream().map(JavaClass::getPackageName).distinct()).isSubsetOf(known);
  }

  @Test
  void nobodyImportsTheCommandLine() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.lastmile.cli")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.lastmile.cli", "picocli..")
        .check(HOUSE);
  }

  @Test
  void onlyTheCommandLineHasAMain() {
    methods()
        .that()
        .haveName("main")
        .should()
        .beDeclaredInClassesThat()
        .haveFullyQualifiedName("io.lastmile.cli.Main")
        .check(HOUSE);
  }

  @Test
  void onlyTheCommandLineEndsTheProcess() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.lastmile.cli")
        .should()
        .callMethod(System.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "halt", int.class)
        .check(HOUSE);
  }

  @Test
  void nothingIsCalledHelper() {
    noClasses()
        .should()
        .haveNameMatching(".*(Manager|Helper|Helpers|Util|Utils|Impl)")
        .orShould()
        .resideInAnyPackage("..util..", "..common..", "..misc..", "..helper..")
        .check(HOUSE);
  }

  @Test
  void accessorsAreNouns() {
    methods()
        .that()
        .areDeclaredInClassesThat(resideInAPackage("io.lastmile.."))
        .and()
        .areNotDeclaredIn("io.lastmile.cli.VersionCommand$Provider")
        .should()
        .haveNameNotMatching("get[A-Z].*")
        .check(HOUSE);
  }
}
