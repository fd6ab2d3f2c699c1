/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_TREE_H
#define LIB_TREE_H

#include <stddef.h>

/*
 * A balanced (AVL) tree of nodes that are part of their user's structure. The order is given at
 * each call by a function that returns below, equal to or above 0; no two nodes of a tree are
 * equal.
 */
struct tree_node {
	struct tree_node *left;
	struct tree_node *right;
	int height;
};

typedef int (*tree_compare_fn)(const struct tree_node *a, const struct tree_node *b);

void tree_insert(struct tree_node **root, struct tree_node *node, tree_compare_fn compare);
void tree_remove(struct tree_node **root, struct tree_node *node, tree_compare_fn compare);

/* The first node that is not below @key; the last node that is not above it. */
struct tree_node *tree_at_or_above(struct tree_node *root, const struct tree_node *key,
				   tree_compare_fn compare);
struct tree_node *tree_at_or_below(struct tree_node *root, const struct tree_node *key,
				   tree_compare_fn compare);

struct tree_node *tree_first(struct tree_node *root);
struct tree_node *tree_last(struct tree_node *root);

#define tree_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

#endif /* LIB_TREE_H */
