// The dashboard's beginning: who is there, in which language, and what the
// address asks to see.
import { onSignedOut, session } from './api.js';
import { h, fill } from './dom.js';
import { setExponents } from './format.js';
import { forget } from './filters.js';
import { preferred, speak, t } from './i18n.js';
import { login } from './login.js';
import { offered, start } from './pages.js';
import { failure } from './section.js';
import { shell } from './shell.js';
import { show } from './view.js';
import { parse, to } from './url.js';

const app = document.getElementById('app');
let me = null;
let frame = null;

async function begin() {
  const [digits] = await Promise.all([
    fetch(new URL('../currencies.json', import.meta.url)).then((a) => a.json()),
    speak(preferred()),
  ]);
  setExponents(digits);
  onSignedOut(() => { if (me) leave(); });
  addEventListener('hashchange', () => { if (me) draw(); });
  try {
    me = await session();
  } catch (err) {
    fill(app, h('main', { class: 'alone' }, failure(err, () => location.reload())));
    return;
  }
  build();
}

// build makes everything anew: after signing in or out, and in another language.
function build() {
  if (!me) {
    document.title = t('login.title') + ' · paylake';
    fill(app, login((who) => { me = who; build(); }, build));
    return;
  }
  frame = shell(me, { again: build, redraw: () => draw(), leave });
  fill(app, frame.el);
  draw(true);
}

function leave() {
  me = null;
  forget();
  build();
}

let seen = '';

function draw(first = false) {
  const { page } = parse();
  const pages = offered(me.scopes);
  const known = pages.find((p) => p.name === page);
  if (!known && (page === '' || page === 'login') && pages.length) {
    history.replaceState(null, '', to(start(pages)));
    return draw(first);
  }
  const moved = seen !== page;
  seen = page;
  frame.mark(page);
  return show(frame.main, known, me, { focus: moved && !first });
}

begin().catch((err) => fill(app, h('main', { class: 'alone' }, failure(err, () => location.reload()))));
