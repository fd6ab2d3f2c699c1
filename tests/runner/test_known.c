// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/known.h"

static struct known_issues *parse(const char *text, GError **error)
{
	struct known_issues *issues = known_new();

	if (known_parse(issues, text, strlen(text), error))
		return issues;
	known_free(issues);
	return NULL;
}

static void apply(const char *file, const struct known_place *place, enum verdict before,
		  enum verdict after)
{
	struct known_issues *issues = parse(file, NULL);
	struct result result = {
		.id = (char *)"dma/write[size=4K]",
		.verdict = before,
		.reason = g_strdup("why"),
	};

	g_assert_nonnull(issues);
	known_apply(issues, place, &result);
	g_assert_cmpstr(verdict_name(result.verdict), ==, verdict_name(after));
	g_assert_cmpint(result.known != NULL, ==, before != after);
	g_free(result.reason);
	g_free(result.known);
	known_free(issues);
}

static void places(void)
{
	static const struct known_place intel = { "intel-scalable", "7.3.4-amd64", "10.2.2",
						  "stock", "intel" };
	static const struct known_place unknown = { "local", "", "", "", "none" };

	apply("[a]\ncase=dma/*\nreason=r\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=dma/write[size=4K]\nreason=r\n", &intel, VERDICT_PASS, VERDICT_XPASS);
	apply("[a]\ncase=blocked;dma\nreason=r\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=blocked\nreason=r\n", &intel, VERDICT_FAIL, VERDICT_FAIL);
	apply("[a]\ncase=dma\nreason=r\n", &intel, VERDICT_SKIP, VERDICT_SKIP);
	apply("[a]\ncase=dma\nreason=r\n", &intel, VERDICT_ERROR, VERDICT_ERROR);
	apply("[a]\ncase=dma\nreason=r\n", &intel, VERDICT_CRASH, VERDICT_CRASH);
	apply("[a]\ncase=dma\nreason=r\nverdict=crash;timeout\n", &intel, VERDICT_CRASH,
	      VERDICT_XFAIL);
	apply("[a]\ncase=dma\nreason=r\nkernel=>=7.3 <7.4\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=dma\nreason=r\nkernel=>=7.4\n", &intel, VERDICT_FAIL, VERDICT_FAIL);
	apply("[a]\ncase=dma\nreason=r\nkernel=<7.3.4\n", &intel, VERDICT_FAIL, VERDICT_FAIL);
	apply("[a]\ncase=dma\nreason=r\nkernel=<=7.3.4\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=dma\nreason=r\nqemu=<11\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=dma\nreason=r\nqemu=<11\n", &unknown, VERDICT_FAIL, VERDICT_FAIL);
	apply("[a]\ncase=dma\nreason=r\nqemu_build=stock\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=dma\nreason=r\nqemu_build=lab\n", &intel, VERDICT_FAIL, VERDICT_FAIL);
	apply("[a]\ncase=dma\nreason=r\nqemu_build=stock\n", &unknown, VERDICT_FAIL, VERDICT_FAIL);
	apply("[a]\nallow_log=x\nreason=r\n", &intel, VERDICT_FAIL, VERDICT_FAIL);
	apply("[a]\nallow_log=x\nreason=r\n", &intel, VERDICT_PASS, VERDICT_PASS);
	apply("[a]\ncase=dma\nreason=r\niommu=amd;intel\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=dma\nreason=r\niommu=intel-s*\n", &intel, VERDICT_FAIL, VERDICT_XFAIL);
	apply("[a]\ncase=dma\nreason=r\niommu=intel\n", &unknown, VERDICT_FAIL, VERDICT_FAIL);
}

/* Lines of the kernel's log, whatever the case, where the issue is. */
static void lines(void)
{
	static const char file[] = "[a]\nallow_log=^AMD-Vi: .*\\\\[x\\\\];b$\nreason=r\niommu=amd\n"
				   "qemu_build=stock\n[b]\ncase=dma\nreason=r\n";
	struct known_place amd = { "amd", "7.3.4", "10.2.2", "stock", "amd" };
	struct known_issues *issues = parse(file, NULL);

	g_assert_true(known_allows(issues, &amd, "AMD-Vi: event [x]"));
	g_assert_true(known_allows(issues, &amd, "ab"));
	g_assert_false(known_allows(issues, &amd, "pci: AMD-Vi: event [x]"));
	g_assert_false(known_allows(NULL, &amd, "ab"));
	amd.qemu_build = "lab";
	g_assert_false(known_allows(issues, &amd, "ab"));
	amd.qemu_build = "stock";
	amd.iommu = "intel";
	amd.profile = "p";
	g_assert_false(known_allows(issues, &amd, "ab"));
	known_free(issues);
}

static void mistakes(void)
{
	static const char *const files[] = {
		"[a]\n",
		"[a]\ncase=dma\n",
		"[a]\nreason=r\n",
		"[a]\ncase=dma\nreason=r\nkernel=7.3\n",
		"[a]\ncase=dma\nreason=r\nqemu_build=mine\n",
		"[a]\nallow_log=(\nreason=r\n",
		"[a]\ncase=dma\nallow_log=\\[x\nreason=r\n",
		"[a]\nallow_log=\nreason=r\n",
		"[a]\ncase=\nallow_log=x\nreason=r\n",
		"[a]\ncase=dma\nreason=r\nkernel==>7.3\n",
		"[a]\ncase=dma\nreason=r\nkernel=>=new\n",
		"[a]\ncase=dma\nreason=r\nverdict=pass\n",
		"[a]\ncase=dma\nreason=r\nverdict=error\n",
		"[a]\ncase=dma\nreason=r\nkernal=>=7\n",
		"case=dma\n",
		"[a\n",
		"\xff",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(parse(files[i], &error));
		g_assert_nonnull(error);
	}
}

static void versions(void)
{
	g_assert_cmpint(version_compare("6.9", "6.12"), <, 0);
	g_assert_cmpint(version_compare("7.3.4-1-amd64", "7.3.4"), ==, 0);
	g_assert_cmpint(version_compare("7.3", "7.3.0"), ==, 0);
	g_assert_cmpint(version_compare("7.3.1", "7.3"), >, 0);
	g_assert_cmpint(version_compare("", "0"), ==, 0);
	g_assert_cmpint(version_compare("10.2", "9.9.9"), >, 0);
}

static void models(void)
{
	g_assert_cmpstr(known_iommu_model("dmar0 dmar1"), ==, "intel");
	g_assert_cmpstr(known_iommu_model("ivhd0"), ==, "amd");
	g_assert_cmpstr(known_iommu_model(""), ==, "none");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/known/lines", lines);
	g_test_add_func("/known/places", places);
	g_test_add_func("/known/mistakes", mistakes);
	g_test_add_func("/known/versions", versions);
	g_test_add_func("/known/models", models);
	return g_test_run();
}
