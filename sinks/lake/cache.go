package lake

import (
	"container/list"

	"github.com/paylake/paylake/schemas"
)

// keyColumns are an object's columns that say which rows the lake holds.
type keyColumns struct {
	keys     []schemas.Key
	hashes   []uint64
	revision []int32
	sign     []int8
	chain    *chainColumns // nil until asked for
}

// chainColumns are an object's columns that the balance chain needs.
type chainColumns struct {
	time, amount, balance []int64
	balanced, pending     []bool
	wallet, currency      []int32
	wallets, currencies   []string
	ids                   []byte
	idOffsets             []int32
}

func (k *keyColumns) bytes() int64 {
	n := int64(len(k.keys)) * 29
	if k.chain != nil {
		n += int64(len(k.keys))*38 + int64(len(k.chain.ids))
	}
	return n
}

// cache keeps the columns of objects that were looked at last: look-back
// windows are read again and again. It is bounded by bytes. Not for concurrent
// use.
type cache struct {
	limit, used int64
	order       *list.List // of *cached, most recent first
	byPath      map[string]*list.Element
}

type cached struct {
	path  string
	cols  *keyColumns
	bytes int64
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, order: list.New(), byPath: map[string]*list.Element{}}
}

func (c *cache) get(path string) *keyColumns {
	e, ok := c.byPath[path]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).cols
}

func (c *cache) put(path string, cols *keyColumns) {
	c.drop(path)
	n := cols.bytes()
	if n > c.limit/2 { // ids may be longer than usual
		return
	}
	c.byPath[path] = c.order.PushFront(&cached{path, cols, n})
	c.used += n
	for c.used > c.limit {
		c.drop(c.order.Back().Value.(*cached).path)
	}
}

func (c *cache) drop(path string) {
	if e, ok := c.byPath[path]; ok {
		c.used -= c.order.Remove(e).(*cached).bytes
		delete(c.byPath, path)
	}
}
