-- From a report's page to a document: what the style sheet says of classes is said to typst and Word.
local to_typst = FORMAT == 'typst'
local known = {}  -- the ids that a link may point to

local function has(element, class)
  return element.attr and element.classes:includes(class)
end

local function quoted(text)
  return '"' .. text:gsub('[\\"]', '\\%0') .. '"'
end

local PLAIN = { Str = true, Space = true, SoftBreak = true }

-- Content for a typst call: a string where it is plain text, else markup.
local function typst(content)
  local blocks = pandoc.utils.type(content) == 'Inlines' and { pandoc.Plain(content) } or content
  if #blocks == 0 then return '[]' end
  local one = #blocks == 1 and blocks[1].t == 'Plain' and blocks[1].content
  if one and not one:find_if(function(part) return not PLAIN[part.t] end) then
    return quoted(pandoc.utils.stringify(one))
  end
  local text = pandoc.write(pandoc.Pandoc(blocks), 'typst', { wrap_text = 'none' })
  return '[' .. text:gsub('%s+$', '') .. ']'
end

local function raw(text)
  return pandoc.RawBlock('typst', text)
end

local function label(id)
  return id ~= '' and ' <' .. id .. '>' or ''
end

-- ---- tables ----

-- In letters: a line of a table, the longest word that is not cut, the space between columns; and
-- the lines of a table that is moved to the next page rather than cut.
local LINE, WORD, GAP, TALL = 119, 24, 3, 17
local WORD_LINE = 104  -- a line of a table in Word, whose letters are wider
local SIDE = { AlignLeft = 'left', AlignRight = 'right', AlignCenter = 'center' }

local function each_row(tbl, act)
  for _, row in ipairs(tbl.head.rows) do act(row, true) end
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do act(row, false) end
  end
end

-- A hash is too long for a column: it gets a row of its own below.
local function hashes_below(tbl)
  local place
  each_row(tbl, function(row, _)
    for at, cell in ipairs(row.cells) do
      if has(cell, 'hash') then place = at end
    end
  end)
  if not place then return tbl end
  tbl.colspecs:remove(place)
  for _, row in ipairs(tbl.head.rows) do row.cells:remove(place) end
  for _, body in ipairs(tbl.bodies) do
    local rows = pandoc.List()
    for _, row in ipairs(body.body) do
      local cell = row.cells:remove(place)
      local text = 'SHA-256 ' .. pandoc.utils.stringify(cell.contents)
      local inline = to_typst and pandoc.RawInline('typst', '#hash(' .. quoted(text) .. ')')
        or pandoc.Span(pandoc.Str(text), { ['custom-style'] = 'Hash' })
      rows:insert(row)
      rows:insert(pandoc.Row({ pandoc.Cell(pandoc.Plain(inline), 'AlignLeft', 1, #tbl.colspecs) }))
    end
    body.body = rows
  end
  return tbl
end

-- How wide a text is, in letters; a Chinese character takes two.
local function width_of(text)
  local count = 0
  for _, code in utf8.codes(text) do count = count + (code >= 0x2E80 and 2 or 1) end
  return count
end

local function typst_cell(cell, column)
  local how = {}
  if cell.alignment ~= 'AlignDefault' and cell.alignment ~= column then
    how[#how + 1] = 'align: ' .. SIDE[cell.alignment]
  end
  if cell.col_span > 1 then how[#how + 1] = 'colspan: ' .. cell.col_span end
  if cell.row_span > 1 then how[#how + 1] = 'rowspan: ' .. cell.row_span end
  local text = typst(cell.contents)
  if #how == 0 then return text end
  return 'table.cell(' .. table.concat(how, ', ') .. ', ' .. text .. ')'
end

-- The width of each column in letters and the lines that the table then takes: every column has
-- room for its longest word, and what is left goes, letter by letter, to the column that makes
-- most rows high. Also whether every row stands on one line as it is.
local function widths(tbl)
  local cells, least, most = {}, {}, {}
  for at = 1, #tbl.colspecs do least[at], most[at] = 1, 1 end
  each_row(tbl, function(row, is_head)
    if #row.cells ~= #tbl.colspecs then return end
    local line = {}
    for at, cell in ipairs(row.cells) do
      local text, word = pandoc.utils.stringify(cell.contents), 0
      for piece in text:gmatch('%S+') do word = math.max(word, math.min(width_of(piece), WORD)) end
      line[at] = is_head and word or width_of(text)
      least[at], most[at] = math.max(least[at], word), math.max(most[at], line[at])
    end
    cells[#cells + 1] = line
  end)
  local left, all = LINE, LINE
  for at = 1, #least do
    left, all = left - least[at] - GAP, all - most[at] - GAP
  end
  if all >= 0 then return most, #cells, true end
  local lines
  repeat
    local votes, worst = {}, 1
    lines = 0
    for _, line in ipairs(cells) do
      local high, column = 1, nil
      for at, long in ipairs(line) do
        local need = math.ceil(long / least[at])
        if need > high then high, column = need, at end
      end
      lines = lines + high
      if column then votes[column] = (votes[column] or 0) + high - 1 end
    end
    for at, count in pairs(votes) do
      if count > (votes[worst] or 0) then worst = at end
    end
    least[worst] = least[worst] + 1
    left = left - 1
  until left <= 0 or not next(votes)
  return least, lines, false
end

local function typst_table(tbl)
  local sides = {}
  for at, spec in ipairs(tbl.colspecs) do sides[at] = SIDE[spec[1]] or 'left' end
  local letters, lines, fits = widths(tbl)
  local columns = {}
  for at = 1, #sides do columns[at] = fits and 'auto' or letters[at] + GAP .. 'fr' end
  local head, body, rows = {}, {}, 0
  each_row(tbl, function(row, is_head)
    local into = is_head and head or body
    local opens = row.cells[1] and row.cells[1].row_span > 1
    if not is_head then
      if opens and rows > 0 then body[#body + 1] = 'table.hline(stroke: hairline)' end
      rows = rows + 1
    end
    for _, cell in ipairs(row.cells) do
      into[#into + 1] = typst_cell(cell, #row.cells == #sides and tbl.colspecs[_][1] or '')
    end
    if is_head then into[#into + 1] = 'table.hline(stroke: hairline)' end
  end)
  local caption = #tbl.caption.long > 0 and typst(tbl.caption.long) or 'none'
  local parts = {
    'columns: (' .. table.concat(columns, ', ') .. ',)',
    'align: (' .. table.concat(sides, ', ') .. ',)',
    'caption: ' .. caption,
    'breakable: ' .. tostring(lines > TALL or caption == 'none'),
    'table.hline(stroke: rule)',
  }
  if #head > 0 then parts[#parts + 1] = 'table.header(' .. table.concat(head, ', ') .. ')' end
  return raw('#listing(' .. table.concat(parts, ', ') .. ',\n' .. table.concat(body, ',\n') .. ')'
    .. label(tbl.identifier))
end

local function word_table(tbl)
  local letters = widths(tbl)
  local line = 0
  for at = 1, #letters do line = line + letters[at] + GAP end
  for at = 1, #letters do
    tbl.colspecs[at] = { tbl.colspecs[at][1], (letters[at] + GAP) / math.max(line, WORD_LINE) }
  end
  return tbl
end

-- ---- cited numbers ----

local function number(div, first, last)
  local parts = { value = pandoc.Inlines({}), rest = pandoc.Inlines({}) }
  for _, inline in ipairs(div.content[1].content) do
    if inline.t == 'Strong' then
      parts.value = inline.content
    elseif has(inline, 'lj-interval') or has(inline, 'lj-count') then
      if #parts.rest > 0 then parts.rest:extend({ pandoc.Str(','), pandoc.Space() }) end
      parts.rest:extend(inline.content)
    elseif inline.t == 'Span' then
      parts.what = inline.content
    end
  end
  if to_typst then
    local rest = #parts.rest > 0 and typst(parts.rest) or 'none'
    return raw(('#cited(%s, %s, %s, %s, %s)%s'):format(
      typst(parts.what), typst(parts.value), rest, first, last, label(div.identifier)))
  end
  local line = parts.what .. { pandoc.Str(':'), pandoc.Space(), pandoc.Strong(parts.value) }
  if #parts.rest > 0 then line = line .. { pandoc.Str(','), pandoc.Space() } .. parts.rest end
  return pandoc.Div(pandoc.Para(line), { id = div.identifier, ['custom-style'] = 'Cited Number' })
end

local function is_number(block)
  return block and block.t == 'Div' and has(block, 'lj-number')
end

-- ---- what is done to every element, from the inside out ----

local function inline_link(link)
  if has(link, 'lj-anchor') then return {} end
  if has(link, 'lj-label') then return pandoc.Strong(link.content) end
  local own = link.target:match('^#(.+)')
  if has(link, 'lj-what') or (own and not known[own]) then return link.content end
  if not own and not link.target:match('^https?:') and not link.target:match('^mailto:') then
    return link.content  -- a file beside the page is not beside the document
  end
  link.attributes = {}
  link.title = ''
  return link
end

local function simulated(span)
  if not has(span, 'lj-simulated') then return nil end
  if not to_typst then
    return pandoc.Span(span.content, { ['custom-style'] = 'Simulated' })
  end
  return pandoc.RawInline('typst', '#mark(' .. typst(span.content) .. ')')
end

-- A formula says in TeX what it is to a reader who cannot see it.
local function formula(math)
  if not to_typst then return nil end
  local set = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ math }) }), 'typst')
  local block = tostring(math.mathtype == 'DisplayMath')
  return pandoc.RawInline('typst', ('#math.equation(alt: %s, block: %s, %s)'):format(
    quoted(math.text), block, set:gsub('%s+$', '')))
end

-- A picture among words stands no wider than the text.
local function picture(image)
  if not to_typst then return nil end
  return pandoc.RawInline('typst', ('#box(image(%s, alt: %s, width: %s))'):format(
    quoted(image.src), quoted(pandoc.utils.stringify(image.caption)),
    image.attributes.share and image.attributes.share .. '%' or 'auto'))
end

local function figure(fig)
  local image
  fig:walk({ Image = function(found) image = image or found end })
  if not to_typst or not image then return nil end
  return raw(('#drawing(%s, %s, %s, %s)%s'):format(
    quoted(image.src), quoted(pandoc.utils.stringify(image.caption)),
    typst(fig.caption.long), image.attributes.share or '100', label(fig.identifier)))
end

local function blocks(list)
  local out = pandoc.List()
  for at, block in ipairs(list) do
    if is_number(block) then
      out:insert(number(block, tostring(not is_number(list[at - 1])), tostring(not is_number(list[at + 1]))))
    elseif block.t == 'Table' then
      local made = hashes_below(block)
      out:insert(to_typst and typst_table(made) or word_table(made))
    elseif block.t == 'Div' and has(block, 'lj-table') and #block.content == 1 and block.content[1].t == 'RawBlock' then
      out:insert(raw(block.content[1].text .. label(block.identifier)))
    elseif block.t == 'Div' and has(block, 'summary') and to_typst then
      out:insert(raw('#kept' .. typst(block.content):gsub('^".*"$', '(%0)')))
    elseif block.t == 'Div' and not block.attributes['custom-style'] and block.identifier == '' then
      out:extend(block.content)
    else
      out:insert(block)
    end
  end
  return out
end

local function ids(element)
  if element.identifier ~= '' then known[element.identifier] = true end
end

return {
  { Div = ids, Header = ids, Figure = ids, Table = ids },
  { Link = inline_link },
  { Span = simulated },
  { Figure = figure, Blocks = blocks },
  { Math = formula, Image = picture },
}
