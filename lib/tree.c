// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "lib/tree.h"

static int height(const struct tree_node *node)
{
	return node ? node->height : 0;
}

static void measure(struct tree_node *node)
{
	int left = height(node->left), right = height(node->right);

	node->height = 1 + (left > right ? left : right);
}

static struct tree_node *rotate_right(struct tree_node *node)
{
	struct tree_node *top = node->left;

	node->left = top->right;
	top->right = node;
	measure(node);
	measure(top);
	return top;
}

static struct tree_node *rotate_left(struct tree_node *node)
{
	struct tree_node *top = node->right;

	node->right = top->left;
	top->left = node;
	measure(node);
	measure(top);
	return top;
}

static struct tree_node *balance(struct tree_node *node)
{
	int lean = height(node->left) - height(node->right);

	if (lean > 1) {
		if (height(node->left->left) < height(node->left->right))
			node->left = rotate_left(node->left);
		return rotate_right(node);
	}
	if (lean < -1) {
		if (height(node->right->right) < height(node->right->left))
			node->right = rotate_right(node->right);
		return rotate_left(node);
	}
	measure(node);
	return node;
}

void tree_insert(struct tree_node **root, struct tree_node *node, tree_compare_fn compare)
{
	if (!*root) {
		node->left = NULL;
		node->right = NULL;
		node->height = 1;
		*root = node;
		return;
	}
	tree_insert(compare(node, *root) < 0 ? &(*root)->left : &(*root)->right, node, compare);
	*root = balance(*root);
}

static struct tree_node *take_first(struct tree_node **root)
{
	struct tree_node *first;

	if (!(*root)->left) {
		first = *root;
		*root = first->right;
		return first;
	}
	first = take_first(&(*root)->left);
	*root = balance(*root);
	return first;
}

void tree_remove(struct tree_node **root, struct tree_node *node, tree_compare_fn compare)
{
	struct tree_node *next;

	if (*root != node) {
		tree_remove(compare(node, *root) < 0 ? &(*root)->left : &(*root)->right, node,
			    compare);
		*root = balance(*root);
		return;
	}
	if (!node->left || !node->right) {
		*root = node->left ? node->left : node->right;
		return;
	}
	next = take_first(&node->right);
	next->left = node->left;
	next->right = node->right;
	*root = balance(next);
}

struct tree_node *tree_at_or_above(struct tree_node *root, const struct tree_node *key,
				   tree_compare_fn compare)
{
	struct tree_node *found = NULL;

	while (root) {
		if (compare(root, key) >= 0) {
			found = root;
			root = root->left;
		} else {
			root = root->right;
		}
	}
	return found;
}

struct tree_node *tree_at_or_below(struct tree_node *root, const struct tree_node *key,
				   tree_compare_fn compare)
{
	struct tree_node *found = NULL;

	while (root) {
		if (compare(root, key) <= 0) {
			found = root;
			root = root->right;
		} else {
			root = root->left;
		}
	}
	return found;
}

struct tree_node *tree_first(struct tree_node *root)
{
	while (root && root->left)
		root = root->left;
	return root;
}

struct tree_node *tree_last(struct tree_node *root)
{
	while (root && root->right)
		root = root->right;
	return root;
}
