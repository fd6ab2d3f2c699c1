// SPDX-License-Identifier: GPL-2.0-or-later
/* FIPS 180-4, section 6.2. The half on the machine under test has nothing but libc. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "agent/sha256.h"

#define BLOCK 64

static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t word, unsigned int by)
{
	return word >> by | word << (32 - by);
}

static void add_block(uint32_t state[8], const uint8_t block[BLOCK])
{
	uint32_t words[64], now[8];

	memcpy(words, block, BLOCK);
	for (size_t i = 0; i < 16; i++)
		words[i] = be32toh(words[i]);
	for (size_t i = 16; i < 64; i++) {
		uint32_t low = words[i - 15], high = words[i - 2];

		words[i] = words[i - 16] + words[i - 7] +
			   (rotate(low, 7) ^ rotate(low, 18) ^ low >> 3) +
			   (rotate(high, 17) ^ rotate(high, 19) ^ high >> 10);
	}
	memcpy(now, state, sizeof(now));
	for (size_t i = 0; i < 64; i++) {
		uint32_t a = now[0], e = now[4];
		uint32_t first = now[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
				 ((e & now[5]) ^ (~e & now[6])) + constants[i] + words[i];
		uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
				  ((a & now[1]) ^ (a & now[2]) ^ (now[1] & now[2]));

		memmove(now + 1, now, 7 * sizeof(now[0]));
		now[4] += first;
		now[0] = first + second;
	}
	for (size_t i = 0; i < 8; i++)
		state[i] += now[i];
}

bool sha256_file(const char *path, char text[SHA256_TEXT])
{
	uint32_t state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	uint8_t block[BLOCK];
	FILE *file = fopen(path, "re");
	uint64_t bits = 0;
	size_t length;
	bool good;

	if (!file)
		return false;
	while ((length = fread(block, 1, BLOCK, file)) == BLOCK) {
		add_block(state, block);
		bits += BLOCK * 8;
	}
	good = !ferror(file);
	fclose(file);
	bits = htobe64(bits + length * 8);
	block[length++] = 0x80;
	memset(block + length, 0, BLOCK - length);
	if (length > BLOCK - sizeof(bits)) {
		add_block(state, block);
		memset(block, 0, BLOCK);
	}
	memcpy(block + BLOCK - sizeof(bits), &bits, sizeof(bits));
	add_block(state, block);
	for (size_t i = 0; i < 8; i++)
		snprintf(text + 8 * i, 9, "%08x", state[i]);
	return good;
}
