// What a page can do more with a script: times in the reader's zone, changes as they arrive. Without it everything still works.
'use strict';

const zones = { local: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC', utc: 'UTC' };
const remembered = () => { try { return localStorage.getItem('zone'); } catch { return null; } };
let zone = remembered() === 'utc' ? 'utc' : 'local';

const format = (timeZone) => new Intl.DateTimeFormat('en-CA', {
  timeZone, hourCycle: 'h23',
  year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const formats = { local: format(zones.local), utc: format('UTC') };

function parts(date) {
  return Object.fromEntries(formats[zone].formatToParts(date).map(({ type, value }) => [type, value]));
}

function showTimes(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    const part = parts(new Date(time.dateTime));
    const set = (name, text) => { const span = time.querySelector(name); if (span) span.textContent = text; };
    set('.date', `${part.year}-${part.month}-${part.day}`);
    set('.clock', `${part.hour}:${part.minute}:${part.second}`);
    if (time.classList.contains('hour')) time.textContent = `${part.hour}:${part.minute}`;
  }
}

// Fields for times: the browser's own picker, in the zone that is shown. The URL always has UTC.
function pickTimes() {
  for (const field of document.querySelectorAll('input[data-time]')) {
    const sent = field.dataset.sent ?? field.value;
    const date = sent ? new Date(sent) : null;
    if (date && Number.isNaN(date.getTime())) continue;
    field.dataset.sent = sent;
    field.type = 'datetime-local';
    const part = date && parts(date);
    field.step = part && part.second !== '00' ? 1 : 60;
    field.value = part ? `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}` : '';
    field.dataset.shown = field.value;
    const name = field.closest('.field').querySelector('.zone');
    if (name) name.textContent = zone === 'utc' ? 'UTC' : '';
  }
}

// What a field stands for, in UTC. What nobody touched is sent as it came.
function sent(field) {
  if (field.type !== 'datetime-local') return field.value;
  if (field.value === field.dataset.shown) return field.dataset.sent;
  return field.value && new Date(zone === 'utc' ? `${field.value}Z` : field.value).toISOString();
}

function sendTimes(event) {
  for (const field of event.target.querySelectorAll('input[data-time]')) {
    const text = sent(field);
    field.type = 'text';
    field.value = text;
  }
  // Empty fields say nothing; the URL is shorter without them.
  for (const field of event.target.querySelectorAll('input[name]')) if (!field.value) field.disabled = true;
}

function showZone() {
  showTimes(document);
  pickTimes();
  const button = document.getElementById('zone');
  button.hidden = zones.local === 'UTC';
  button.textContent = `Times: ${zones[zone]}`;
  button.setAttribute('aria-label', `Times in ${zones[zone]}; show them in ${zones[zone === 'utc' ? 'local' : 'utc']}`);
  document.getElementById('zone-name').textContent = zones[zone] + (zone === 'utc' ? '' : '; the button on top shows UTC');
}

function goLive(button) {
  const status = document.getElementById('status');
  const rows = document.getElementById('rows');
  const most = 500;
  let source, arrived = 0, saying;

  const say = (text) => { clearTimeout(saying); saying = setTimeout(() => { status.textContent = text; }, 300); };
  const add = (event) => {
    const template = document.createElement('template');
    template.innerHTML = JSON.parse(event.data);
    const row = template.content.firstElementChild;
    if (rows.querySelector(`[data-place="${CSS.escape(row.dataset.place)}"]`)) return;
    showTimes(template.content);
    row.classList.add('fresh');
    rows.prepend(row);
    while (rows.children.length > most) rows.lastElementChild.remove();
    document.querySelector('.list').hidden = false;
    document.querySelector('.empty')?.remove();
    button.dataset.after = event.lastEventId;
    arrived += 1;
    say(arrived === 1 ? '1 new change since you went live.' : `${arrived} new changes since you went live.`);
  };

  const toggle = () => {
    const on = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', on);
    if (!on) {
      source.close();
      say('Live is off.');
      return;
    }
    const url = new URL(button.dataset.stream, location.href);
    if (button.dataset.after) url.searchParams.set('cursor', button.dataset.after);
    source = new EventSource(url);
    source.onmessage = add;
    source.onopen = () => { if (arrived === 0) say('Waiting for changes …'); };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) button.setAttribute('aria-pressed', false);
      say(source.readyState === EventSource.CLOSED ? 'Live ended. Reload the page.' : 'The connection is lost; trying again …');
    };
  };
  button.hidden = false;
  button.addEventListener('click', toggle);
}

for (const form of document.querySelectorAll('form')) {
  if (form.method === 'get') form.addEventListener('submit', sendTimes);
  // Once is enough.
  else form.addEventListener('submit', () => { for (const button of form.querySelectorAll('button')) button.disabled = true; });
}
// Coming back to a page finds its form as it was.
window.addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  for (const field of document.querySelectorAll(':disabled')) field.disabled = false;
  pickTimes();
});
document.getElementById('zone').addEventListener('click', () => {
  for (const field of document.querySelectorAll('input[data-time]')) field.dataset.sent = sent(field);
  zone = zone === 'utc' ? 'local' : 'utc';
  try { localStorage.setItem('zone', zone); } catch { /* Then it is not remembered. */ }
  showZone();
});
// Where there is little room, a form that says nothing does not take it.
for (const fold of document.querySelectorAll('.fold')) {
  const says = [...fold.querySelectorAll('input')].some((field) => field.value);
  if (!says && matchMedia('(max-width: 560px)').matches) fold.open = false;
}
showZone();
const live = document.getElementById('live');
if (live) goLive(live);
