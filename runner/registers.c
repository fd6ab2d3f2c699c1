// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/registers.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FIELDS 48

/* How the number in a field is to be read. */
enum reading {
	READ_FLAG,     /* present or not */
	READ_NUMBER,   /* as it is */
	READ_PLUS_ONE, /* a count or width that is stored less one */
	READ_TIMES_16, /* an offset in bytes, stored in units of 16 */
	READ_DOMAINS,  /* 2^(4 + 2n) */
	READ_WIDTHS,   /* bit n: addresses of 30 + 9n bits */
	READ_PAGES,    /* bit 0: 2M, bit 1: 1G */
	READ_LEVELS,   /* of page tables: 4 + n */
};

struct field {
	const char *name;
	guint8 low;
	guint8 high;
	enum reading reading;
};

/* Intel VT-d specification 5.0, 11.4.2. */
static const struct field intel_cap[MAX_FIELDS] = {
	{ "ND", 0, 2, READ_DOMAINS },     { "AFL", 3, 3, READ_FLAG },
	{ "RWBF", 4, 4, READ_FLAG },      { "PLMR", 5, 5, READ_FLAG },
	{ "PHMR", 6, 6, READ_FLAG },      { "CM", 7, 7, READ_FLAG },
	{ "SAGAW", 8, 12, READ_WIDTHS },  { "MGAW", 16, 21, READ_PLUS_ONE },
	{ "ZLR", 22, 22, READ_FLAG },     { "FRO", 24, 33, READ_TIMES_16 },
	{ "SSLPS", 34, 37, READ_PAGES },  { "PSI", 39, 39, READ_FLAG },
	{ "NFR", 40, 47, READ_PLUS_ONE }, { "MAMV", 48, 53, READ_NUMBER },
	{ "DWD", 54, 54, READ_FLAG },     { "DRD", 55, 55, READ_FLAG },
	{ "FS1GP", 56, 56, READ_FLAG },   { "PI", 59, 59, READ_FLAG },
	{ "FS5LP", 60, 60, READ_FLAG },   { "ECMDS", 61, 61, READ_FLAG },
	{ "ESIRTPS", 62, 62, READ_FLAG }, { "ESRTPS", 63, 63, READ_FLAG },
};

/* 11.4.3 */
static const struct field intel_ecap[MAX_FIELDS] = {
	{ "C", 0, 0, READ_FLAG },         { "QI", 1, 1, READ_FLAG },
	{ "DT", 2, 2, READ_FLAG },        { "IR", 3, 3, READ_FLAG },
	{ "EIM", 4, 4, READ_FLAG },       { "PT", 6, 6, READ_FLAG },
	{ "SC", 7, 7, READ_FLAG },        { "IRO", 8, 17, READ_TIMES_16 },
	{ "MHMV", 20, 23, READ_NUMBER },  { "MTS", 25, 25, READ_FLAG },
	{ "NEST", 26, 26, READ_FLAG },    { "PRS", 29, 29, READ_FLAG },
	{ "ERS", 30, 30, READ_FLAG },     { "SRS", 31, 31, READ_FLAG },
	{ "NWFS", 33, 33, READ_FLAG },    { "EAFS", 34, 34, READ_FLAG },
	{ "PSS", 35, 39, READ_PLUS_ONE }, { "PASID", 40, 40, READ_FLAG },
	{ "DIT", 41, 41, READ_FLAG },     { "PDS", 42, 42, READ_FLAG },
	{ "SMTS", 43, 43, READ_FLAG },    { "VCS", 44, 44, READ_FLAG },
	{ "SSADS", 45, 45, READ_FLAG },   { "SSTS", 46, 46, READ_FLAG },
	{ "FSTS", 47, 47, READ_FLAG },    { "SMPWCS", 48, 48, READ_FLAG },
	{ "RPS", 49, 49, READ_FLAG },     { "PMS", 51, 51, READ_FLAG },
	{ "ABORTS", 52, 52, READ_FLAG },
};

/* AMD I/O Virtualization Technology (IOMMU) specification 3.09, 3.2.1: the PCI capability's first word. */
static const struct field amd_cap[MAX_FIELDS] = {
	{ "IotlbSup", 24, 24, READ_FLAG }, { "HtTunnel", 25, 25, READ_FLAG },
	{ "NpCache", 26, 26, READ_FLAG },  { "EFRSup", 27, 27, READ_FLAG },
	{ "CapExt", 28, 28, READ_FLAG },
};

/* MMIO offset 0030h. */
static const struct field amd_features[MAX_FIELDS] = {
	{ "PreFSup", 0, 0, READ_FLAG },      { "PPRSup", 1, 1, READ_FLAG },
	{ "XTSup", 2, 2, READ_FLAG },        { "NXSup", 3, 3, READ_FLAG },
	{ "GTSup", 4, 4, READ_FLAG },        { "IASup", 6, 6, READ_FLAG },
	{ "GASup", 7, 7, READ_FLAG },        { "HESup", 8, 8, READ_FLAG },
	{ "PCSup", 9, 9, READ_FLAG },        { "HATS", 10, 11, READ_LEVELS },
	{ "GATS", 12, 13, READ_LEVELS },     { "GLXSup", 14, 15, READ_NUMBER },
	{ "SmiFSup", 16, 17, READ_NUMBER },  { "GAMSup", 21, 23, READ_NUMBER },
	{ "PASmax", 32, 36, READ_PLUS_ONE }, { "USSup", 37, 37, READ_FLAG },
	{ "MarcSup", 42, 43, READ_NUMBER },  { "GIoSup", 48, 48, READ_FLAG },
	{ "HASup", 49, 49, READ_FLAG },      { "EPHSup", 50, 50, READ_FLAG },
	{ "HDSup", 52, 52, READ_FLAG },      { "SNPSup", 63, 63, READ_FLAG },
};

static const struct {
	const char *name;
	const struct field *fields;
} registers[] = {
	{ "intel-iommu/cap", intel_cap },
	{ "intel-iommu/ecap", intel_ecap },
	{ "amd-iommu/cap", amd_cap },
	{ "amd-iommu/features", amd_features },
};

static void add_list(GString *out, guint64 bits, const char *const *names, guint count)
{
	gboolean any = FALSE;

	for (guint i = 0; i < count; i++) {
		if (!(bits >> i & 1))
			continue;
		g_string_append_printf(out, "%s%s", any ? "," : "", names[i]);
		any = TRUE;
	}
}

static void add_value(GString *out, enum reading reading, guint64 value)
{
	static const char *const widths[] = { "30", "39", "48", "57", "64" };
	static const char *const pages[] = { "2M", "1G", "512G", "1T" };

	switch (reading) {
	case READ_FLAG:
		break;
	case READ_NUMBER:
		g_string_append_printf(out, "%" G_GUINT64_FORMAT, value);
		break;
	case READ_PLUS_ONE:
		g_string_append_printf(out, "%" G_GUINT64_FORMAT, value + 1);
		break;
	case READ_TIMES_16:
		g_string_append_printf(out, "%#" G_GINT64_MODIFIER "x", value * 16);
		break;
	case READ_DOMAINS:
		g_string_append_printf(out, "%u", 1u << (4 + 2 * value));
		break;
	case READ_WIDTHS:
		add_list(out, value, widths, G_N_ELEMENTS(widths));
		break;
	case READ_PAGES:
		add_list(out, value, pages, G_N_ELEMENTS(pages));
		break;
	case READ_LEVELS:
		g_string_append_printf(out, "%" G_GUINT64_FORMAT, value + 4);
		break;
	}
}

static char *decode(const struct field *fields, guint64 value)
{
	GString *out = g_string_new(NULL);

	for (const struct field *field = fields; field < fields + MAX_FIELDS && field->name;
	     field++) {
		guint width = field->high - field->low + 1u;
		guint64 content = value >> field->low & (G_MAXUINT64 >> (64 - width));

		/* What is stored less one means something when it is 0, too. */
		if (!content && (field->reading == READ_FLAG || field->reading == READ_WIDTHS ||
				 field->reading == READ_PAGES))
			continue;
		g_string_append_printf(out, "%s%s%s", out->len ? " " : "", field->name,
				       field->reading == READ_FLAG ? "" : "=");
		add_value(out, field->reading, content);
	}
	return g_string_free(out, FALSE);
}

char *registers_decode(const char *name, const char *text)
{
	guint64 value;
	char *end;

	if (!g_ascii_isxdigit(*text))
		return NULL;
	value = g_ascii_strtoull(text, &end, 16);
	/* Of two registers the first one is the one that is known. */
	if (*end && (*end != ':' || end[1 + strspn(end + 1, "0123456789abcdef")]))
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(registers); i++)
		if (g_str_equal(registers[i].name, name))
			return decode(registers[i].fields, value);
	return NULL;
}

void registers_explain(json_t *facts)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
	const char *key;
	json_t *value;

	/* What is walked through must not grow. */
	json_object_foreach(facts, key, value) if (g_str_has_prefix(key, "iommu."))
		g_ptr_array_add(keys, g_strdup(key));
	for (guint i = 0; i < keys->len; i++) {
		const char *name = keys->pdata[i];
		const char *last = strrchr(name, '.');
		const char *driver = g_strrstr_len(name, last - name, ".");
		g_autofree char *file = g_strdelimit(g_strdup(driver ? driver + 1 : ""), ".", '/');
		g_autofree char *fields_key = g_strconcat(name, ".fields", NULL);
		g_autofree char *fields =
			registers_decode(file, json_string_value(json_object_get(facts, name)));

		if (fields)
			json_object_set_new(facts, fields_key, json_string(fields));
	}
}
