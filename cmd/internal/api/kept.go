package api

import (
	"container/list"
	"sync"
)

// kept are answers in memory, the least recently asked going first.
type kept struct {
	room int

	mu    sync.Mutex
	used  int
	all   map[string]*list.Element
	order *list.List // the newest at the front
}

type keptAnswer struct {
	name  string
	lines []byte
}

// overhead is about what an answer costs beside its bytes.
const overhead = 256

func newKept(room int) *kept {
	return &kept{room: room, all: map[string]*list.Element{}, order: list.New()}
}

func (k *kept) get(name string) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.all[name]
	if !ok {
		return nil, false
	}
	k.order.MoveToFront(e)
	return e.Value.(*keptAnswer).lines, true
}

// put keeps an answer, unless it alone would take much of the room.
func (k *kept) put(name string, lines []byte) {
	cost := len(lines) + overhead
	if cost > k.room/8 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.all[name]; ok {
		return
	}
	for k.used+cost > k.room {
		last := k.order.Back()
		old := k.order.Remove(last).(*keptAnswer)
		delete(k.all, old.name)
		k.used -= len(old.lines) + overhead
	}
	k.all[name] = k.order.PushFront(&keptAnswer{name, lines})
	k.used += cost
}
