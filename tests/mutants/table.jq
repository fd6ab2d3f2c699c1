# SPDX-License-Identifier: GPL-2.0-or-later
# docs/mutants.md, from all mutants (input) and the outcomes of tests/mutants/run ($outcomes).

def cell: gsub("\\|"; "\\|") | gsub("\\s+"; " ") | if length > 160 then .[0:157] + "..." else . end;
def few: if length > 6 then .[0:6] + ["and \(length - 6) more"] else . end | join(", ");
def dates: [.[].date] | unique | if length > 1 then "from \(.[0]) to \(.[-1])" else "on \(.[0])" end;
def versions(name): [.[] | name | select(.)] | unique | join(", ");
def caught_by:
	if .verdict != "caught" then "**not caught**"
	else [.witnesses[] | "`\(.case)`"] | few end;
def suites: [.witnesses[].case | split("/")[0]] | unique;

def rows: .[]
	| "| \(.mutant | split("/")[1]) | \(.fault | cell) | \(.profile) | \(caught_by) | \(.said // "" | cell) |";
def section(title; kind):
	[.[] | select(.mutant | startswith(kind + "/"))]
	| select(length > 0)
	| "", "## \(title)", "| mutant | fault | profile | caught by | the first of them says |", "|---|---|---|---|---|", rows;

. as $mutants
| [$outcomes[] | select({mutant, patch} | IN($mutants[]))] as $run
| ($mutants | map(.mutant) - [$run[].mutant]) as $missing
| $run
|
"# Mutants",
"",
"Each row is one fault put into QEMU, its test device or Linux, and the cases that failed because of it. Made by",
"`tests/mutants/run --table docs/mutants.md` from its outcomes; a case that fails without the fault, too, does not count.",
"A mutant's patch names the cases that ran, and a run ends after some failures: more cases than these may notice it.",
"",
"\($mutants | length) mutants, \(length) of them run, \([.[] | select(.verdict == "caught")] | length) caught. Run \(dates) with Linux \(versions(.kernel)),",
"QEMU \(versions(.qemu)), accelerator \(versions(.accelerator)).",
section("QEMU and the test device"; "qemu"),
section("Linux"; "linux"),
if $missing == [] then empty else "", "## Not run as they are", ($missing[] | "- \(.)") end,
"",
"## Suites",
"How many mutants a suite has caught, and those that no other suite was needed for.",
"",
"| suite | caught | by it alone |",
"|---|---|---|",
([.[] | select(.verdict == "caught") | {mutant: (.mutant | split("/")[1]), suites: suites}] as $caught
	| [$caught[].suites[]] | unique | .[] as $suite
	| [$caught[] | select(.suites | index($suite))] as $by
	| "| \($suite) | \($by | length) | \([$by[] | select(.suites == [$suite]) | .mutant] | few) |")
